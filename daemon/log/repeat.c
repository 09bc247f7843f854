/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each entry counts the records of one name. An entry is needed only while its interval
 * runs or its summary is to be returned.
 */
#include "repeat.h"

#include <stdlib.h>
#include <string.h>

/* If all of 4096 rules log at once, a bucket has 16 entries on average. */
#define BUCKETS 256

struct limited {
	struct limited *next;
	char name[REPEAT_NAME_SIZE];
	maze_u64 begin_ns;
	maze_u64 time_ns;
	maze_u64 shown;
	maze_u64 hidden;
};

struct repeat {
	struct limited *buckets[BUCKETS];
};

struct repeat *repeat_new(void)
{
	return calloc(1, sizeof(struct repeat));
}

void repeat_free(struct repeat *repeat)
{
	struct limited *limited, *next;
	size_t i;

	if (!repeat)
		return;
	for (i = 0; i < BUCKETS; i++) {
		for (limited = repeat->buckets[i]; limited; limited = next) {
			next = limited->next;
			free(limited);
		}
	}
	free(repeat);
}

/* The hash is FNV-1a. The operator chooses the names, so collisions are not an attack. */
static size_t bucket_of(const char *name)
{
	maze_u32 hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash % BUCKETS;
}

static bool is_over(const struct limited *limited, maze_u64 now_ns)
{
	return now_ns >= limited->begin_ns + limited->time_ns;
}

/*
 * Returns the slot of the name, or the end of its bucket if the name is not stored. Frees
 * entries on the way whose interval has ended without hidden records.
 */
static struct limited **find(struct repeat *repeat, const char *name, maze_u64 now_ns)
{
	struct limited **slot = &repeat->buckets[bucket_of(name)], *limited;

	while ((limited = *slot)) {
		if (!strcmp(limited->name, name))
			break;
		if (is_over(limited, now_ns) && !limited->hidden) {
			*slot = limited->next;
			free(limited);
			continue;
		}
		slot = &limited->next;
	}
	return slot;
}

static struct limited *begin(struct limited **slot, const char *name, maze_u64 time_ns,
			     maze_u64 now_ns)
{
	struct limited *limited = *slot;

	if (!limited) {
		limited = calloc(1, sizeof(*limited));
		if (!limited)
			return NULL;
		*slot = limited;
		strncpy(limited->name, name, sizeof(limited->name) - 1);
	}
	limited->begin_ns = now_ns;
	limited->time_ns = time_ns;
	limited->shown = 0;
	return limited;
}

bool repeat_allows(struct repeat *repeat, const char *name, unsigned int count, maze_u64 time_ns,
		   maze_u64 now_ns)
{
	struct limited **slot, *limited;

	/*
	 * No valid name is too long. A name that is too long is not limited, because cut
	 * names could be equal.
	 */
	if (!count || strlen(name) >= sizeof(limited->name))
		return true;
	slot = find(repeat, name, now_ns);
	limited = *slot;
	/* An interval with hidden records stays, because its summary is still due. */
	if (!limited || (is_over(limited, now_ns) && !limited->hidden))
		limited = begin(slot, name, time_ns, now_ns);
	if (!limited)
		return true;
	if (limited->shown < count && !is_over(limited, now_ns)) {
		limited->shown++;
		return true;
	}
	limited->hidden++;
	return false;
}

bool repeat_summarize(struct repeat *repeat, maze_u64 now_ns, struct repeat_summary *ret_summary)
{
	struct limited **slot, *limited;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (slot = &repeat->buckets[i]; (limited = *slot); slot = &limited->next) {
			if (!limited->hidden || !is_over(limited, now_ns))
				continue;
			memcpy(ret_summary->name, limited->name, sizeof(limited->name));
			ret_summary->hidden = limited->hidden;
			ret_summary->time_ns = limited->time_ns;
			*slot = limited->next;
			free(limited);
			return true;
		}
	}
	return false;
}

maze_u64 repeat_due_ns(const struct repeat *repeat)
{
	const struct limited *limited;
	maze_u64 due_ns = 0, end_ns;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (limited = repeat->buckets[i]; limited; limited = limited->next) {
			end_ns = limited->begin_ns + limited->time_ns;
			if (limited->hidden && (!due_ns || end_ns < due_ns))
				due_ns = end_ns;
		}
	}
	return due_ns;
}
