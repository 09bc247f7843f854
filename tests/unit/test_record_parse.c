/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records, entries and groups to JSON and back, without a change; other JSON is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/step.h"
#include "daemon/log/record_fields.h"
#include "lib/maze.h"
#include "lib/record_parse.h"
#include "lib/record_time.h"
#include "lib/record_variables.h"

#define ROUNDS 2000

static maze_u64 any(unsigned int *seed, maze_u64 max)
{
	maze_u64 value = (maze_u64)rand_r(seed) << 62 ^ (maze_u64)rand_r(seed) << 31 ^
			 (maze_u64)rand_r(seed);

	value >>= rand_r(seed) % 64;
	return max == UINT64_MAX ? value : value % (max + 1);
}

static void any_name(unsigned int *seed, char *name, int size)
{
	int i, length = rand_r(seed) % size;

	for (i = 0; i < length; i++)
		name[i] = (char)(rand_r(seed) % 127 + 1);
}

static maze_u32 any_share(unsigned int *seed)
{
	return (maze_u32)any(seed, MAZE_SHARE_MAX - 1) + 1;
}

static maze_u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

static struct maze_record any_record(unsigned int *seed)
{
	struct maze_record record = {
		.boot_ns = any(seed, now_ns()),
		.count_ns = any(seed, INT64_MAX),
		.limit_ns = any(seed, INT64_MAX),
		.cgroup_id = any(seed, INT64_MAX),
		.pid = (maze_u32)any(seed, UINT32_MAX),
		.tid = (maze_u32)any(seed, UINT32_MAX),
		.uid = (maze_u32)any(seed, UINT32_MAX),
		.cpu = (maze_u32)any(seed, UINT32_MAX),
		.event = (maze_u16)(rand_r(seed) % (MAZE_EVENT_COUNT_ - 1) + 1),
		.signal = (maze_u16)any(seed, MAZE_SIGNAL_MAX),
		.flags = (maze_u32)any(seed, MAZE_RECORD_SENT | MAZE_RECORD_SHADOW),
		.episode = (maze_u32)any(seed, UINT32_MAX),
	};
	maze_u32 scope;

	any_name(seed, record.comm, MAZE_COMM_LEN);
	scope = (maze_u32)rand_r(seed) % MAZE_SCOPE_COUNT_;
	record.flags |= scope << MAZE_RECORD_SCOPE_SHIFT;
	record.share = scope ? any_share(seed) : 0;
	if (record.event == MAZE_EVENT_WATCH && rand_r(seed) % 2)
		record.flags |= MAZE_RECORD_INHERITED;
	if (record.event == MAZE_EVENT_SOFT || record.event == MAZE_EVENT_HARD) {
		record.not_sent = (maze_u16)(rand_r(seed) % MAZE_NOT_SENT_COUNT_);
		record.flags |= rand_r(seed) % 2 ? MAZE_RECORD_FATAL : 0;
		record.used_ns = any(seed, INT64_MAX);
		/* Of a group, this is elapsed_ns. */
		record.asleep_ns = any(seed, INT64_MAX);
		record.sleeps = scope ? 0 : (maze_u32)any(seed, UINT32_MAX);
	}
	if (record.event == MAZE_EVENT_LOST)
		record.lost = any(seed, INT64_MAX);
	return record;
}

static void records_are_parsed_unchanged(void **state)
{
	struct maze_record record, again;
	struct maze_error error = { "" };
	unsigned int seed = 1;
	char *json;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		record = any_record(&seed);
		json = maze_record_json(&record, "bpf");
		assert_non_null(json);
		if (maze_record_parse(json, &again, &error))
			fail_msg("%s", error.text);
		assert_memory_equal(&record, &again, sizeof(record));
		free(json);
	}
}

/* The value of a variable of mazed, of record_fields_format(). */
static const char *variable(void *arg, const char *name)
{
	const struct record_fields *fields = arg;
	size_t i, length = strlen(name);

	for (i = 0; i < fields->count; i++)
		if (!strncmp(fields->fields[i], name, length) && fields->fields[i][length] == '=')
			return fields->fields[i] + length + 1;
	return NULL;
}

static void records_of_the_journal_are_parsed_unchanged(void **state)
{
	struct maze_record record, again;
	struct record_fields fields;
	unsigned int seed = 3;
	char time[RFC3339_LEN];
	long long wall_ns;
	json_t *object;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		record = any_record(&seed);
		/* The journal has the share as text, which begins at 1 %. Other names are escaped. */
		record.share = record.share % MAZE_SHARE_ONE + MAZE_SHARE_ONE;
		record.share = maze_record_scope(&record) ? record.share : 0;
		memset(record.comm, 0, sizeof(record.comm));
		snprintf(record.comm, sizeof(record.comm), "name%d", i);
		record_fields_format(
			&(struct log_entry){ &record, "bpf", "a rule", "/a.slice", NULL }, &fields);
		object = record_from_variables(variable, &fields);
		assert_int_equal(record_parse_object(object, &again, &wall_ns), 0);
		assert_in_range(again.share + 1, record.share, record.share + 2);
		again.share = record.share;
		assert_memory_equal(&record, &again, sizeof(record));
		assert_string_equal(json_string_value(json_object_get(object, "rule")), "a rule");
		assert_string_equal(json_string_value(json_object_get(object, "cgroup")),
				    "/a.slice");
		assert_string_equal(json_string_value(json_object_get(object, "time")),
				    record_time_format(record.boot_ns, time));
		json_decref(object);
	}
}

static void a_record_of_an_earlier_boot_has_its_time(void **state)
{
	struct maze_record record = any_record(&(unsigned int){ 1 });
	char *json = maze_record_json(&record, "bpf");
	json_t *object = json_loads(json, 0, NULL);
	long long wall_ns = 0, expected = 0;

	(void)state;
	json_object_set_new(object, "time", json_string("2001-01-01T00:00:00Z"));
	assert_true(rfc3339_parse("2001-01-01T00:00:00Z", &expected));
	assert_int_equal(record_parse_object(object, &record, &wall_ns), 0);
	assert_int_equal(wall_ns, expected);
	assert_int_equal(record.boot_ns, 0);
	json_object_set_new(object, "time", json_string("2001-01-01"));
	assert_int_equal(record_parse_object(object, &record, &wall_ns), -EINVAL);
	json_decref(object);
	free(json);
}

static struct maze_entry any_entry(unsigned int *seed)
{
	static const maze_u32 fired[] = { 0, MAZE_FIRED_SOFT, MAZE_FIRED_SOFT | MAZE_FIRED_HARD };
	struct maze_entry entry = {
		.count_ns = any(seed, INT64_MAX),
		.soft_ns = any(seed, INT64_MAX),
		.hard_ns = any(seed, INT64_MAX),
		.pid = (maze_u32)any(seed, UINT32_MAX),
		.tid = (maze_u32)any(seed, UINT32_MAX),
		.uid = (maze_u32)any(seed, UINT32_MAX),
		.recovery = rand_r(seed) % 2 ? MAZE_RECOVERY_INF
					     : (maze_u32)any(seed, MAZE_RECOVERY_MAX),
		.flags = (maze_u32)rand_r(seed) & (MAZE_POLICY_INHERIT | MAZE_POLICY_YIELD_COUNTS |
						   MAZE_POLICY_SHADOW | MAZE_POLICY_TO_PROCESS),
		.soft_signal = (maze_u16)any(seed, MAZE_SIGNAL_MAX),
		.hard_signal = (maze_u16)any(seed, MAZE_SIGNAL_MAX),
		.fired = fired[rand_r(seed) % 3],
		.episode = (maze_u32)any(seed, UINT32_MAX),
	};

	if (maze_policy_warns(entry.flags | MAZE_POLICY_WARN, entry.soft_signal))
		entry.flags |= rand_r(seed) % 2 ? MAZE_POLICY_WARN : 0;
	if (entry.recovery != MAZE_RECOVERY_INF && entry.recovery && rand_r(seed) % 2)
		entry.recovery |= MAZE_RECOVERY_LOCK;
	any_name(seed, entry.comm, MAZE_COMM_LEN);
	return entry;
}

static void entries_are_parsed_unchanged(void **state)
{
	struct maze_entry entry, again;
	struct maze_error error = { "" };
	unsigned int seed = 2;
	char *json;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		entry = any_entry(&seed);
		json = maze_entry_json(&entry, "bpf");
		assert_non_null(json);
		if (maze_entry_parse(json, &again, &error))
			fail_msg("%s: %s", error.text, json);
		assert_memory_equal(&entry, &again, sizeof(entry));
		free(json);
	}
}

static struct maze_group any_group(unsigned int *seed)
{
	struct maze_group group = { .entry = any_entry(seed),
				    .used_ns = any(seed, INT64_MAX),
				    .elapsed_ns = any(seed, INT64_MAX),
				    .cgroup_id = any(seed, INT64_MAX),
				    .members = (maze_u32)any(seed, UINT32_MAX) };
	struct maze_entry *entry = &group.entry;
	maze_u32 scope = 1 + (maze_u32)rand_r(seed) % (MAZE_SCOPE_COUNT_ - 1);

	any_name(seed, group.name, MAZE_GROUP_NAME_LEN);
	entry->tid = entry->pid;
	entry->share = any_share(seed);
	entry->flags &= MAZE_POLICY_SHADOW | MAZE_POLICY_WARN;
	entry->flags |= scope << MAZE_POLICY_SCOPE_SHIFT;
	if (scope == MAZE_SCOPE_PROCESS)
		entry->flags |= MAZE_POLICY_TO_PROCESS;
	return group;
}

static void groups_are_parsed_unchanged(void **state)
{
	struct maze_group group, again;
	struct maze_error error = { "" };
	unsigned int seed = 4;
	char *json;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		group = any_group(&seed);
		json = maze_group_json(&group, "bpf");
		assert_non_null(json);
		if (maze_group_parse(json, &again, &error))
			fail_msg("%s: %s", error.text, json);
		assert_memory_equal(&group, &again, sizeof(group));
		free(json);
	}
}

static void parse_changed(const json_t *object, const char *key, json_t *value, bool valid)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)object);
	struct maze_group group;
	char *text;

	if (value)
		json_object_set_new(copy, key, value);
	else
		json_object_del(copy, key);
	text = json_dumps(copy, 0);
	if (!maze_group_parse(text, &group, NULL) != valid)
		fail_msg("%s: %s", valid ? "refused" : "accepted", text);
	free(text);
	json_decref(copy);
}

/* All but the engine, which is not in struct maze_group. */
static void each_key_of_a_group_is_required(void **state)
{
	unsigned int seed = 5;
	struct maze_group group = any_group(&seed);
	char *json = maze_group_json(&group, "bpf");
	json_t *object = json_loads(json, 0, NULL), *value;
	const char *key;

	(void)state;
	json_object_foreach(object, key, value) {
		parse_changed(object, key, NULL, !strcmp(key, "engine"));
		parse_changed(object, key, json_object(), !strcmp(key, "engine"));
	}
	parse_changed(object, "scope", json_string("thread"), false);
	parse_changed(object, "scope", json_string("slice"), false);
	parse_changed(object, "scope", json_string("tree"), true);
	parse_changed(object, "share", json_real(0), false);
	parse_changed(object, "share", json_real(-1), false);
	parse_changed(object, "share", json_real(8193), false);
	parse_changed(object, "share", json_real(8192), true);
	parse_changed(object, "share", json_integer(1), true);
	parse_changed(object, "level_ns", json_integer(-1), false);
	json_decref(object);
	free(json);
}

/* Without one of its keys, or with null or an object for it, it is refused. */
static void each_key_is_required(void **state)
{
	static const char *const not_needed[] = { "cgroup_id", "signal",  "engine",
						  "fatal",     "used_ns", "scope" };
	const size_t count = sizeof(not_needed) / sizeof(not_needed[0]);
	unsigned int seed = 3;
	struct maze_record record = any_record(&seed), again;
	char *json = maze_record_json(&record, "bpf"), *less;
	json_t *object = json_loads(json, 0, NULL), *copy;
	const char *key;
	json_t *value;
	size_t i;

	(void)state;
	json_object_foreach(object, key, value) {
		for (i = 0; i < count && strcmp(key, not_needed[i]) != 0; i++)
			;
		if (i < count)
			continue;
		copy = json_copy(object);
		json_object_del(copy, key);
		less = json_dumps(copy, 0);
		assert_int_not_equal(maze_record_parse(less, &again, NULL), 0);
		free(less);
		json_object_set_new(copy, key, json_object());
		less = json_dumps(copy, 0);
		assert_int_not_equal(maze_record_parse(less, &again, NULL), 0);
		free(less);
		json_decref(copy);
	}
	json_decref(object);
	free(json);
}

static void invalid_records_are_refused(void **state)
{
	static const char *const texts[] = { "", "{}", "[]", "null", "{\"event\":\"soft\"}", "{" };
	struct maze_record record = { .pid = 7 };
	struct maze_entry entry = { .pid = 7 };
	struct maze_group group = { .members = 7 };
	struct maze_error error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		error.text[0] = '\0';
		assert_int_not_equal(maze_record_parse(texts[i], &record, &error), 0);
		assert_true(error.text[0]);
		assert_int_not_equal(maze_entry_parse(texts[i], &entry, NULL), 0);
		assert_int_not_equal(maze_group_parse(texts[i], &group, NULL), 0);
	}
	assert_int_equal(record.pid, 7);
	assert_int_equal(entry.pid, 7);
	assert_int_equal(group.members, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_parsed_unchanged),
		cmocka_unit_test(records_of_the_journal_are_parsed_unchanged),
		cmocka_unit_test(a_record_of_an_earlier_boot_has_its_time),
		cmocka_unit_test(entries_are_parsed_unchanged),
		cmocka_unit_test(groups_are_parsed_unchanged),
		cmocka_unit_test(each_key_of_a_group_is_required),
		cmocka_unit_test(each_key_is_required),
		cmocka_unit_test(invalid_records_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
