/* SPDX-License-Identifier: GPL-2.0-only */
#include "observation.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/rfc3339.h"
#include "../lib/utf8_json.h"

static json_t *comm_json(const char comm[MAZE_COMM_LEN])
{
	return utf8_json(comm, strnlen(comm, MAZE_COMM_LEN));
}

static json_t *longest_json(const struct observed *observed)
{
	const struct maze_streaks *streaks = &observed->streaks;
	char at[RFC3339_LEN];

	/* Otherwise the rest belongs to another streak, or is about to be written. */
	if (!streaks->longest_ns || streaks->longest_seen_ns != streaks->longest_ns)
		return json_null();
	return json_pack("{s:I,s:s,s:I,s:I,s:o}", "ns", (json_int_t)streaks->longest_ns, "at",
			 rfc3339_format(observed->longest_at_ns, at), "pid",
			 (json_int_t)streaks->longest_pid, "tid", (json_int_t)streaks->longest_tid,
			 "comm", comm_json(streaks->longest_comm));
}

static json_t *running_json(const struct maze_streaks *streaks)
{
	if (!streaks->running_pid)
		return json_null();
	return json_pack("{s:I,s:I,s:o}", "ns", (json_int_t)streaks->running_ns, "pid",
			 (json_int_t)streaks->running_pid, "comm",
			 comm_json(streaks->running_comm));
}

static json_t *awake_json(const struct awake *awake)
{
	if (!awake->ns)
		return json_null();
	return json_pack("{s:I,s:I,s:o}", "ns", (json_int_t)awake->ns, "pid",
			 (json_int_t)awake->pid, "comm", comm_json(awake->comm));
}

static json_t *buckets_json(const struct maze_streaks *streaks)
{
	json_t *buckets = json_array();
	maze_u32 bucket;

	for (bucket = 0; bucket < MAZE_STREAK_BUCKETS; bucket++)
		if (streaks->buckets[bucket])
			json_array_append_new(buckets,
					      json_pack("[I,I]",
							(json_int_t)maze_streak_bucket_ns(bucket),
							(json_int_t)streaks->buckets[bucket]));
	return buckets;
}

static json_t *text_or_null(const char *text)
{
	return text ? utf8_json(text, strlen(text)) : json_null();
}

static json_t *class_json(const struct observed *observed)
{
	const struct maze_streaks *streaks = &observed->streaks;

	return json_pack(
		"{s:o,s:o,s:o,s:I,s:I,s:O,s:O,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "rule",
		text_or_null(observed->rule), "program",
		utf8_json(streaks->program, strnlen(streaks->program, sizeof(streaks->program))),
		"exe", text_or_null(observed->exe), "inode", (json_int_t)streaks->inode, "device",
		(json_int_t)streaks->device, "units", observed->units, "users", observed->users,
		"processes", (json_int_t)streaks->processes, "streaks",
		(json_int_t)streaks->streaks, "cpu_ns", (json_int_t)streaks->cpu_ns, "longest",
		longest_json(observed), "running", running_json(streaks), "awake",
		awake_json(&observed->awake), "buckets", buckets_json(streaks));
}

json_t *observation_classes_json(const struct observation *observation)
{
	json_t *classes = json_array();
	size_t i;

	for (i = 0; i < observation->count; i++)
		json_array_append_new(classes, class_json(&observation->classes[i]));
	return classes;
}

static json_t *days_json(const struct observation *observation)
{
	json_t *days = json_array();
	size_t i;

	for (i = 0; i < observation->days_count; i++)
		json_array_append_new(
			days,
			json_pack("{s:s,s:I}", "date", observation->days[i].date, "seconds",
				  (json_int_t)(observation->days[i].time_ns / MAZE_NSEC_PER_SEC)));
	return days;
}

json_t *observation_json(const struct observation *observation, const char *engine)
{
	char from[RFC3339_LEN], to[RFC3339_LEN], host[HOST_NAME_MAX + 1] = "";
	long long now = (long long)now_ns(CLOCK_REALTIME);

	/* The clock may have been set back. */
	if (now < observation->from_ns)
		now = observation->from_ns;
	gethostname(host, sizeof(host) - 1);
	return json_pack("{s:i,s:o,s:s,s:s,s:s,s:o,s:o}", "version", 1, "host",
			 utf8_json(host, strlen(host)), "engine", engine, "from",
			 rfc3339_format(observation->from_ns, from), "to", rfc3339_format(now, to),
			 "days", days_json(observation), "classes",
			 observation_classes_json(observation));
}

/* ---- and back ------------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static maze_u64 number_of(const json_t *object, const char *key)
{
	return (maze_u64)json_integer_value(json_object_get(object, key));
}

static void read_comm(char comm[MAZE_COMM_LEN], const json_t *object)
{
	snprintf(comm, MAZE_COMM_LEN, "%s", text_of(object, "comm") ?: "");
}

static void read_streaks(struct observed *class, const json_t *object)
{
	struct maze_streaks *streaks = &class->streaks;
	const json_t *longest = json_object_get(object, "longest"), *pair;
	const json_t *running = json_object_get(object, "running");
	const json_t *awake = json_object_get(object, "awake");
	maze_u64 count;
	size_t i;

	streaks->inode = number_of(object, "inode");
	streaks->device = (maze_u32)number_of(object, "device");
	streaks->processes = number_of(object, "processes");
	streaks->cpu_ns = number_of(object, "cpu_ns");
	streaks->longest_ns = streaks->longest_seen_ns = number_of(longest, "ns");
	streaks->longest_pid = (maze_u32)number_of(longest, "pid");
	streaks->longest_tid = (maze_u32)number_of(longest, "tid");
	read_comm(streaks->longest_comm, longest);
	if (!rfc3339_parse(text_of(longest, "at") ?: "", &class->longest_at_ns))
		class->longest_at_ns = 0;
	streaks->running_ns = number_of(running, "ns");
	streaks->running_pid = (maze_u32)number_of(running, "pid");
	read_comm(streaks->running_comm, running);
	class->awake.ns = number_of(awake, "ns");
	class->awake.pid = (maze_u32)number_of(awake, "pid");
	read_comm(class->awake.comm, awake);
	json_array_foreach(json_object_get(object, "buckets"), i, pair) {
		count = (maze_u64)json_integer_value(json_array_get(pair, 1));
		streaks->streaks += count;
		streaks->buckets[maze_streak_bucket(
			(maze_u64)json_integer_value(json_array_get(pair, 0)))] += count;
	}
}

/* Returns false without memory. */
static bool read_class(struct observed *class, const json_t *object)
{
	const char *rule = text_of(object, "rule"), *exe = text_of(object, "exe");

	class->rule = rule ? strdup(rule) : NULL;
	class->exe = exe ? strdup(exe) : NULL;
	class->units = json_deep_copy(json_object_get(object, "units")) ?: json_array();
	class->users = json_deep_copy(json_object_get(object, "users")) ?: json_array();
	snprintf(class->streaks.program, sizeof(class->streaks.program), "%s",
		 text_of(object, "program") ?: "");
	read_streaks(class, object);
	return !rule == !class->rule && !exe == !class->exe && class->units && class->users;
}

static void read_day(struct observed_day *day, const json_t *object)
{
	snprintf(day->date, sizeof(day->date), "%s", text_of(object, "date") ?: "");
	day->time_ns = number_of(object, "seconds") * MAZE_NSEC_PER_SEC;
}

int observation_from_json(const json_t *object, struct observation *ret_observation)
{
	const json_t *classes = json_object_get(object, "classes"), *class;
	const json_t *days = json_object_get(object, "days"), *day;
	struct observation read = { 0 };
	int err = 0;
	size_t i;

	read.classes = calloc(json_array_size(classes) + 1, sizeof(*read.classes));
	read.days = calloc(json_array_size(days) + 1, sizeof(*read.days));
	if (!rfc3339_parse(text_of(object, "from") ?: "", &read.from_ns))
		read.from_ns = 0;
	if (!read.classes || !read.days)
		err = -ENOMEM;
	if (!err)
		json_array_foreach(classes, i, class)
			err = err ?: read_class(&read.classes[read.count++], class) ? 0 : -ENOMEM;
	if (!err)
		json_array_foreach(days, i, day)
			read_day(&read.days[read.days_count++], day);
	*ret_observation = read;
	return err;
}
