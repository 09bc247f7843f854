/* SPDX-License-Identifier: GPL-2.0-only */
/* Adds observations, and keeps them small. */
#include "observation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/utf8_json.h"
#include "names.h"

/* The most units and users of a program that are kept. */
#define NAMES_MAX 8
#define DAY_NS (86400 * MAZE_NSEC_PER_SEC)

/* Returns false without memory. */
static bool add(json_t *names, json_t *name)
{
	const json_t *known;
	size_t i;

	json_array_foreach(names, i, known)
		if (json_equal(known, name))
			return true;
	return json_array_size(names) >= NAMES_MAX || !json_array_append(names, name);
}

void names_add(json_t *names, const char *name)
{
	json_t *added = name[0] ? utf8_json(name, strlen(name)) : NULL;

	if (added)
		add(names, added);
	json_decref(added);
}

bool names_merge(json_t *names, const json_t *more)
{
	json_t *name;
	size_t i;

	json_array_foreach(more, i, name)
		if (!add(names, name))
			return false;
	return true;
}

static bool equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static struct observed *find(const struct observation *observation, const struct observed *class)
{
	struct observed *it;
	size_t i;

	for (i = 0; i < observation->count; i++) {
		it = &observation->classes[i];
		if (equal(it->rule, class->rule) && equal(it->exe, class->exe) &&
		    (it->exe || !strcmp(it->streaks.program, class->streaks.program)))
			return it;
	}
	return NULL;
}

static void done(struct observed *class)
{
	free(class->rule);
	free(class->exe);
	json_decref(class->units);
	json_decref(class->users);
}

/* Adds a copy without streaks. NULL: out of memory. */
static struct observed *add_class(struct observation *observation, const struct observed *class)
{
	struct observed *grown = reallocarray(observation->classes, observation->count + 1,
					      sizeof(*grown)),
			*copy;

	if (!grown)
		return NULL;
	observation->classes = grown;
	copy = &grown[observation->count];
	*copy = (struct observed){ .rule = class->rule ? strdup(class->rule) : NULL,
				   .exe = class->exe ? strdup(class->exe) : NULL,
				   .units = json_array(),
				   .users = json_array() };
	memcpy(copy->streaks.program, class->streaks.program, sizeof(copy->streaks.program));
	if (!copy->rule != !class->rule || !copy->exe != !class->exe || !copy->units ||
	    !copy->users) {
		done(copy);
		return NULL;
	}
	observation->count++;
	return copy;
}

static void add_longest(struct observed *sum, const struct observed *class)
{
	const struct maze_streaks *from = &class->streaks;
	struct maze_streaks *to = &sum->streaks;

	if (from->longest_ns > to->longest_ns) {
		to->longest_ns = from->longest_ns;
		to->longest_seen_ns = from->longest_seen_ns;
		to->longest_pid = from->longest_pid;
		to->longest_tid = from->longest_tid;
		memcpy(to->longest_comm, from->longest_comm, sizeof(to->longest_comm));
		sum->longest_at_ns = class->longest_at_ns;
	}
	if (from->running_pid && (!to->running_pid || from->running_ns > to->running_ns)) {
		to->running_ns = from->running_ns;
		to->running_pid = from->running_pid;
		to->running_tid = from->running_tid;
		memcpy(to->running_comm, from->running_comm, sizeof(to->running_comm));
	}
	if (class->awake.ns > sum->awake.ns)
		sum->awake = class->awake;
}

static void sum_up(struct observed *sum, const struct observed *class)
{
	maze_u32 bucket;

	/* The file is the one that was added last. */
	sum->streaks.inode = class->streaks.inode;
	sum->streaks.device = class->streaks.device;
	sum->streaks.processes += class->streaks.processes;
	sum->streaks.streaks += class->streaks.streaks;
	sum->streaks.cpu_ns += class->streaks.cpu_ns;
	for (bucket = 0; bucket < MAZE_STREAK_BUCKETS; bucket++)
		sum->streaks.buckets[bucket] += class->streaks.buckets[bucket];
	add_longest(sum, class);
	names_merge(sum->units, class->units);
	names_merge(sum->users, class->users);
}

static struct observed_day *day_of(struct observation *observation, const char *date)
{
	struct observed_day *grown;
	size_t i;

	for (i = 0; i < observation->days_count; i++)
		if (!strcmp(observation->days[i].date, date))
			return &observation->days[i];
	if (observation->days_count == OBSERVED_DAYS_MAX)
		memmove(observation->days, observation->days + 1,
			--observation->days_count * sizeof(*observation->days));
	grown = reallocarray(observation->days, observation->days_count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	observation->days = grown;
	grown += observation->days_count++;
	*grown = (struct observed_day){ .time_ns = 0 };
	memcpy(grown->date, date, sizeof(grown->date));
	return grown;
}

int observation_add_days(struct observation *sum, const struct observation *part)
{
	struct observed_day *day;
	size_t i;

	for (i = 0; i < part->days_count; i++) {
		day = day_of(sum, part->days[i].date);
		if (!day)
			return -ENOMEM;
		day->time_ns += part->days[i].time_ns;
		/* A clock that was set back has some days twice. */
		if (day->time_ns > DAY_NS)
			day->time_ns = DAY_NS;
	}
	return 0;
}

maze_u64 observation_time_ns(const struct observation *observation)
{
	maze_u64 time_ns = 0;
	size_t i;

	for (i = 0; i < observation->days_count; i++)
		time_ns += observation->days[i].time_ns;
	return time_ns;
}

int observation_add(struct observation *sum, const struct observation *part)
{
	struct observed *class;
	size_t i;

	for (i = 0; i < part->count; i++) {
		class = find(sum, &part->classes[i]) ?: add_class(sum, &part->classes[i]);
		if (!class)
			return -ENOMEM;
		sum_up(class, &part->classes[i]);
	}
	if (part->from_ns && (!sum->from_ns || part->from_ns < sum->from_ns))
		sum->from_ns = part->from_ns;
	return observation_add_days(sum, part);
}

void observation_add_names(struct observation *sum, const struct observation *part)
{
	struct observed *class;
	size_t i;

	for (i = 0; i < part->count; i++) {
		class = find(sum, &part->classes[i]);
		if (!class)
			continue;
		names_merge(class->units, part->classes[i].units);
		names_merge(class->users, part->classes[i].users);
	}
}

static bool is_others(const struct observed *class)
{
	return !class->exe && !strcmp(class->streaks.program, MAZE_STREAK_OTHERS_NAME);
}

/* The class of the others first. */
static int by_cpu(const void *left, const void *right)
{
	const struct observed *a = left, *b = right;

	if (is_others(a) != is_others(b))
		return is_others(a) ? -1 : 1;
	return (a->streaks.cpu_ns < b->streaks.cpu_ns) - (a->streaks.cpu_ns > b->streaks.cpu_ns);
}

int observation_bound(struct observation *observation, size_t classes_max)
{
	const struct observed others = { .streaks.program = MAZE_STREAK_OTHERS_NAME };
	size_t i;

	if (observation->count <= classes_max)
		return 0;
	if (!find(observation, &others) && !add_class(observation, &others))
		return -ENOMEM;
	qsort(observation->classes, observation->count, sizeof(*observation->classes), by_cpu);
	for (i = classes_max; i < observation->count; i++) {
		sum_up(&observation->classes[0], &observation->classes[i]);
		done(&observation->classes[i]);
	}
	observation->count = classes_max;
	observation->classes[0].streaks.inode = observation->classes[0].streaks.device = 0;
	return 0;
}

void observation_free(struct observation *observation)
{
	while (observation->count)
		done(&observation->classes[--observation->count]);
	free(observation->classes);
	free(observation->days);
	*observation = (struct observation){ 0 };
}
