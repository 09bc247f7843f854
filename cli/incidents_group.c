/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze incidents --group counts the incidents by their signature. It reads only the begin of
 * each file, so the times are those of the IDs.
 */
#include "incidents_group.h"
#include "terminal.h"
#include "base/rfc3339.h"
#include "lib/entry_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct group {
	char signature[SIGNATURE_LEN]; /* "": unknown */
	const char *first, *last;      /* IDs */
	size_t count;
};

struct groups {
	struct group *groups;
	size_t count;
};

static struct group *find(const struct groups *groups, const char *signature)
{
	size_t i;

	/* The newest are the likeliest. */
	for (i = groups->count; i > 0; i--)
		if (!strcmp(groups->groups[i - 1].signature, signature))
			return &groups->groups[i - 1];
	return NULL;
}

/* IDs come in order of time. */
static bool add(struct groups *groups, const char *signature, const char *id)
{
	struct group *group = find(groups, signature), *grown;

	if (!group) {
		/* If the count is 0 or a power of two, the array is full, so double it. */
		if (!(groups->count & (groups->count - 1))) {
			grown = reallocarray(groups->groups, groups->count ? groups->count * 2 : 1,
					     sizeof(*grown));
			if (!grown)
				return false;
			groups->groups = grown;
		}
		group = &groups->groups[groups->count++];
		*group = (struct group){ .first = id };
		snprintf(group->signature, sizeof(group->signature), "%s", signature);
	}
	group->last = id;
	group->count++;
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct group *a = left, *b = right;

	return strcmp(a->last, b->last);
}

static json_t *time_json(const char *id)
{
	long long ns = incident_id_time(id);
	char time[RFC3339_LEN];

	return ns ? json_string(rfc3339_format(ns, time)) : json_null();
}

static void print_json(const struct groups *groups)
{
	const struct group *group;
	json_t *object;
	size_t i;

	for (i = 0; i < groups->count; i++) {
		group = &groups->groups[i];
		object =
			json_pack("{s:o,s:I,s:s,s:o,s:s,s:o}", "signature",
				  group->signature[0] ? json_string(group->signature) : json_null(),
				  "count", (json_int_t)group->count, "first", group->first,
				  "first_time", time_json(group->first), "last", group->last,
				  "last_time", time_json(group->last));
		print_json_item(json_line(object), i);
	}
	print_json_end(groups->count);
}

static const char *format_time(const char *id, char buf[UTC_LEN])
{
	long long ns = incident_id_time(id);

	return ns ? utc_format(ns, 0, buf) : "?";
}

static void print_table(const struct groups *groups)
{
	char first[UTC_LEN], last[UTC_LEN];
	const struct group *group;
	struct shown_terminal terminal;
	size_t i, id_width = strlen("FIRST ID");
	bool bold;

	terminal_query(&terminal, &bold);
	for (i = 0; i < groups->count; i++)
		if (strlen(groups->groups[i].first) > id_width)
			id_width = strlen(groups->groups[i].first);
	printf("%5s  %-19s  %-19s  %-*s  %s\n", "COUNT", "FIRST (UTC)", "LAST (UTC)", (int)id_width,
	       "FIRST ID", "SIGNATURE");
	for (i = 0; i < groups->count; i++) {
		group = &groups->groups[i];
		printf("%5zu  %-19s  %-19s  %-*s  ", group->count, format_time(group->first, first),
		       format_time(group->last, last), (int)id_width, group->first);
		shown_printable(stdout, &terminal, group->signature[0] ? group->signature : "?", 0);
		putchar('\n');
	}
}

int print_incident_groups(const struct command *command, const struct options *options,
			  const struct incident_dir *dir)
{
	char signature[SIGNATURE_LEN];
	struct groups groups = { 0 };
	struct maze_error error = { "" };
	bool failed = false;
	size_t i;

	for (i = 0; i < dir->count; i++) {
		if (incident_dir_signature(dir, dir->ids[i], signature, &error)) {
			print_error(command, "%s", error.text);
			failed = true;
		} else if (!add(&groups, signature, dir->ids[i])) {
			print_error(command, "out of memory");
			failed = true;
			break;
		}
	}
	if (groups.count)
		qsort(groups.groups, groups.count, sizeof(*groups.groups), compare);
	if (options->json)
		print_json(&groups);
	else if (groups.count)
		print_table(&groups);
	else if (!failed)
		printf("no incidents in %s\n", dir->path);
	free(groups.groups);
	return failed ? EXIT_MAZE_FAILED : EXIT_MAZE_OK;
}
