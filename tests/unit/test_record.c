/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records as text and as JSON: every documented key, and valid output for every process
 * name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/maze.h"
#include "lib/record_stats.h"

static struct maze_record soft(void)
{
	struct maze_record record = {
		.boot_ns = 1000,
		.count_ns = 200013000,
		.limit_ns = 200000000,
		.used_ns = 200013000,
		.pid = 1234,
		.tid = 1235,
		.uid = 7,
		.cpu = 1,
		.event = MAZE_EVENT_SOFT,
		.signal = 24,
		.flags = MAZE_RECORD_SENT,
		.episode = 3,
		.comm = "sh",
	};

	return record;
}

/* A verdict of a group: 12.5 s in 2.8 s, of which 90 % is 2.52 s. */
static struct maze_record of_group(maze_u32 scope)
{
	struct maze_record record = soft();

	record.flags = scope << MAZE_RECORD_SCOPE_SHIFT;
	record.count_ns = 10 * MAZE_NSEC_PER_SEC;
	record.limit_ns = 9 * MAZE_NSEC_PER_SEC;
	record.used_ns = 12500000000;
	record.elapsed_ns = 2800000000;
	record.share = 58982;
	record.signal = 0;
	record.tid = record.pid;
	if (scope == MAZE_SCOPE_CGROUP) {
		record.pid = record.tid = 0;
		record.cgroup_id = 4711;
	}
	return record;
}

static json_t *parse(char *text)
{
	json_t *object = json_loads(text, 0, NULL);

	assert_non_null(object);
	assert_null(strchr(text, '\n'));
	free(text);
	return object;
}

static void a_record_has_every_key_of_the_contract(void **state)
{
	static const char *const keys[] = { "time",   "event", "pid",	   "tid",
					    "comm",   "uid",   "count_ns", "limit_ns",
					    "signal", "sent",  "fatal",	   "shadow",
					    "engine", "cpu",   "used_ns",  "asleep_ns",
					    "sleeps" };
	struct maze_record record = soft();
	json_t *object = parse(maze_record_json(&record, "bpf"));
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!json_object_get(object, keys[i]))
			fail_msg("no %s", keys[i]);
	assert_int_equal(json_integer_value(json_object_get(object, "count_ns")), 200013000);
	assert_int_equal(json_integer_value(json_object_get(object, "tid")), 1235);
	assert_string_equal(json_string_value(json_object_get(object, "signal")), "SIGXCPU");
	assert_true(json_is_true(json_object_get(object, "sent")));
	assert_true(json_is_false(json_object_get(object, "shadow")));
	assert_true(json_is_false(json_object_get(object, "fatal")));
	json_decref(object);
}

static void a_record_of_a_group_has_keys_of_its_own(void **state)
{
	struct maze_record record = of_group(MAZE_SCOPE_TREE), thread = soft();
	json_t *object = parse(maze_record_json(&record, "poll"));

	(void)state;
	assert_string_equal(json_string_value(json_object_get(object, "scope")), "tree");
	assert_int_equal(json_integer_value(json_object_get(object, "elapsed_ns")), 2800000000);
	assert_true(json_number_value(json_object_get(object, "share")) == 0.9);
	assert_null(json_object_get(object, "asleep_ns"));
	assert_null(json_object_get(object, "sleeps"));
	json_decref(object);
	object = parse(maze_record_json(&thread, "bpf"));
	assert_null(json_object_get(object, "scope"));
	assert_null(json_object_get(object, "elapsed_ns"));
	assert_null(json_object_get(object, "share"));
	json_decref(object);
	record.event = MAZE_EVENT_EXIT;
	object = parse(maze_record_json(&record, "poll"));
	assert_true(json_number_value(json_object_get(object, "share")) == 0.9);
	assert_null(json_object_get(object, "elapsed_ns"));
	json_decref(object);
}

static void every_name_makes_valid_json(void **state)
{
	struct maze_record record = soft();
	int byte;

	(void)state;
	for (byte = 1; byte < 256; byte++) {
		memset(record.comm, byte, sizeof(record.comm) - 1);
		json_decref(parse(maze_record_json(&record, "bpf")));
	}
	/* The name lacks even a terminating NUL. */
	memset(record.comm, 'x', sizeof(record.comm));
	json_decref(parse(maze_record_json(&record, "bpf")));
}

static void a_text_is_one_line_for_every_name(void **state)
{
	struct maze_record record = soft();
	char text[1024];

	(void)state;
	memcpy(record.comm, "a\nb\033[31m", 9);
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_null(strchr(text, '\n'));
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "a\\x0ab\\x1b[31m[1234]"));
}

static void a_text_has_the_time_asleep(void **state)
{
	struct maze_record record = soft();
	char text[1024];

	(void)state;
	record.used_ns = 400000000;
	record.asleep_ns = 1600000;
	record.sleeps = 41534;
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_non_null(strstr(text,
			       " used 400ms of CPU, asleep 0.4 % of the time in 41534 sleeps, "
			       "count 200.013ms, limit 200ms; "));
	record.asleep_ns = 16;
	record.sleeps = 1;
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_non_null(strstr(text, ", asleep less than 0.01 % of the time in 1 sleep, "));
}

static void a_text_has_exact_figures(void **state)
{
	struct maze_record record = soft();
	char text[1024];

	(void)state;
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_non_null(strstr(text, "soft: sh[1234] thread 1235 uid 7 used 200.013ms of CPU "
				     "without sleeping, limit 200ms; "));
	assert_non_null(strstr(text, "limit 200ms; sent SIGXCPU (bpf, cpu 1)"));
	record.flags = MAZE_RECORD_SHADOW;
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_non_null(strstr(text, "; shadow: would have sent SIGXCPU ("));
	record.flags |= MAZE_RECORD_FATAL;
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_non_null(strstr(text, "; shadow: would have ended it with SIGXCPU ("));
	record.flags = MAZE_RECORD_SHADOW;
	record.not_sent = MAZE_NOT_SENT_NO_HANDLER;
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_non_null(strstr(text, "shadow: would not have delivered SIGXCPU: no handler ("));
	record.flags = 0;
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_non_null(strstr(text, "; did not deliver SIGXCPU: no handler ("));
	record.not_sent = MAZE_NOT_SENT_NONE;
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_non_null(strstr(text, "; did not deliver SIGXCPU ("));
	record.signal = 0;
	maze_record_text(&record, "bpf", text, sizeof(text));
	assert_non_null(strstr(text, "recorded only"));
}

/* The text behind the time. */
static void assert_text(const struct maze_record *record, const char *wanted)
{
	char text[1024];

	maze_record_text(record, "bpf", text, sizeof(text));
	assert_string_equal(strchr(text, ' ') + 1, wanted);
}

static void a_text_of_a_group_has_its_level_and_its_share(void **state)
{
	struct maze_record record = of_group(MAZE_SCOPE_TREE);

	(void)state;
	assert_text(&record,
		    "soft: sh[1234] tree used 12s 500ms of CPU in 2s 800ms, 10s more than 90% of a "
		    "CPU allows, limit 9s; recorded only (bpf)");
	record.event = MAZE_EVENT_HARD;
	record.signal = 9;
	record.flags |= MAZE_RECORD_SENT;
	assert_text(&record,
		    "hard: sh[1234] tree used 12s 500ms of CPU in 2s 800ms, 10s more than 90% of a "
		    "CPU allows, limit 9s; sent SIGKILL (bpf)");
	record = of_group(MAZE_SCOPE_PROCESS);
	record.signal = 24;
	record.not_sent = MAZE_NOT_SENT_NO_HANDLER;
	record.share = 3 * MAZE_SHARE_ONE / 2;
	assert_text(&record,
		    "soft: sh[1234] process used 12s 500ms of CPU in 2s 800ms, 10s more than 150% "
		    "of a CPU allows, limit 9s; did not deliver SIGXCPU: no handler (bpf)");
	record = of_group(MAZE_SCOPE_CGROUP);
	record.flags |= MAZE_RECORD_SHADOW;
	record.signal = 9;
	assert_text(
		&record,
		"soft: sh cgroup 4711 used 12s 500ms of CPU in 2s 800ms, 10s more than 90% of a "
		"CPU allows, limit 9s; shadow: would have sent SIGKILL (bpf)");
	record.event = MAZE_EVENT_EXIT;
	assert_text(&record, "exit: sh cgroup 4711 ended with a level of 10s (bpf)");
	record.event = MAZE_EVENT_UNWATCH;
	assert_text(&record, "unwatch: sh cgroup 4711 is no longer watched, level 10s (bpf)");
	record.event = MAZE_EVENT_WATCH;
	assert_text(&record, "watch: sh cgroup 4711 is watched (bpf)");
}

static void one_record_has_one_time(void **state)
{
	struct maze_record record = soft();
	char first[1024], again[1024];
	int i;

	(void)state;
	maze_record_text(&record, "bpf", first, sizeof(first));
	for (i = 0; i < 100; i++) {
		maze_record_text(&record, "bpf", again, sizeof(again));
		assert_string_equal(first, again);
	}
}

static void every_event_has_a_name_and_a_line(void **state)
{
	struct maze_record record = soft();
	char text[1024];

	(void)state;
	for (record.event = MAZE_EVENT_SOFT; record.event < MAZE_EVENT_COUNT_; record.event++) {
		assert_non_null(maze_event_name(record.event));
		assert_true(maze_record_text(&record, "bpf", text, sizeof(text)) > 0);
		assert_non_null(strstr(text, maze_event_name(record.event)));
	}
	assert_null(maze_event_name(0));
	assert_null(maze_event_name(MAZE_EVENT_COUNT_));
}

static void a_text_has_the_reason_for_not_sending(void **state)
{
	struct maze_record record = soft();
	char text[1024];

	(void)state;
	record.flags = 0;
	for (record.not_sent = 1; record.not_sent < MAZE_NOT_SENT_COUNT_; record.not_sent++) {
		assert_non_null(maze_not_sent_name(record.not_sent));
		assert_true(maze_record_text(&record, "bpf", text, sizeof(text)) > 0);
		assert_non_null(strstr(text, maze_not_sent_name(record.not_sent)));
	}
	assert_null(maze_not_sent_name(MAZE_NOT_SENT_NONE));
	assert_null(maze_not_sent_name(MAZE_NOT_SENT_COUNT_));
}

static void an_entry_is_valid_json(void **state)
{
	struct maze_entry entry = { .pid = 1, .recovery = MAZE_RECOVERY_INF, .comm = "\xff" };
	json_t *object = parse(maze_entry_json(&entry, "bpf"));

	(void)state;
	assert_string_equal(json_string_value(json_object_get(object, "recovery")), "inf");
	assert_string_equal(json_string_value(json_object_get(object, "yield")), "reset");
	json_decref(object);
}

/* A verdict that came `late_ns` after its limit. */
static void count_one(struct record_stats *stats, maze_u64 late_ns, maze_u16 event, maze_u32 flags)
{
	struct maze_record record = {
		.event = event, .flags = flags, .limit_ns = 1000, .count_ns = 1000 + late_ns
	};

	record_stats_add(stats, &record);
}

static void statistics_have_the_lateness_of_verdicts(void **state)
{
	const maze_u32 group = MAZE_SCOPE_TREE << MAZE_RECORD_SCOPE_SHIFT;
	const struct maze_record lost = { .event = MAZE_EVENT_LOST, .lost = 7 };
	const struct maze_record not_inherited = { .event = MAZE_EVENT_LOST, .lost = 1, .tid = 9 };
	struct record_stats stats = { 0 };
	maze_u64 sum = 0;
	json_t *object;
	size_t i;

	(void)state;
	/* A bound belongs to the bucket below it. */
	for (i = 0; i < RECORD_STATS_BUCKETS - 1; i++) {
		assert_true(!i || record_stats_bounds_ns[i] > record_stats_bounds_ns[i - 1]);
		count_one(&stats, record_stats_bounds_ns[i], MAZE_EVENT_SOFT, MAZE_RECORD_SENT);
		count_one(&stats, record_stats_bounds_ns[i] + 1, MAZE_EVENT_HARD,
			  MAZE_RECORD_SHADOW);
		sum += 2 * record_stats_bounds_ns[i] + 1;
	}
	count_one(&stats, 0, MAZE_EVENT_HARD, group);
	count_one(&stats, 1, MAZE_EVENT_EXIT, 0);
	record_stats_add(&stats, &lost);
	record_stats_add(&stats, &not_inherited);
	assert_int_equal(stats.threads.counts[0], 1);
	for (i = 1; i < RECORD_STATS_BUCKETS - 1; i++)
		assert_int_equal(stats.threads.counts[i], 2);
	assert_int_equal(stats.threads.counts[i], 1);
	assert_int_equal(stats.threads.sum_ns, sum);
	assert_int_equal(stats.threads.max_ns, record_stats_bounds_ns[i - 1] + 1);
	assert_int_equal(stats.groups.counts[0], 1);
	assert_int_equal(stats.soft, RECORD_STATS_BUCKETS - 1);
	assert_int_equal(stats.hard, RECORD_STATS_BUCKETS);
	assert_int_equal(stats.shadow, RECORD_STATS_BUCKETS - 1);
	assert_int_equal(stats.sent, RECORD_STATS_BUCKETS - 1);
	assert_int_equal(stats.lost, 7);
	object = record_stats_json(&stats, &(struct maze_counts){ .watched = 3 });
	assert_int_equal(json_integer_value(json_object_get(object, "watched")), 3);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(object, "records"), "lost")), 7);
	json_decref(object);
}

/* The answer of mazed has to fit into one line of CONTROL_ANSWER_MAX, with a few more keys. */
static void the_largest_statistics_fit_into_an_answer(void **state)
{
	struct record_stats stats;
	struct maze_counts counts;
	json_t *object;
	char *text;

	(void)state;
	memset(&stats, 0x7f, sizeof(stats));
	memset(&counts, 0x7f, sizeof(counts));
	object = record_stats_json(&stats, &counts);
	text = json_dumps(object, JSON_COMPACT);
	assert_in_range(strlen(text), 1, 2048 - 300);
	free(text);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_has_every_key_of_the_contract),
		cmocka_unit_test(a_record_of_a_group_has_keys_of_its_own),
		cmocka_unit_test(every_name_makes_valid_json),
		cmocka_unit_test(a_text_is_one_line_for_every_name),
		cmocka_unit_test(a_text_has_exact_figures),
		cmocka_unit_test(a_text_has_the_time_asleep),
		cmocka_unit_test(a_text_of_a_group_has_its_level_and_its_share),
		cmocka_unit_test(one_record_has_one_time),
		cmocka_unit_test(every_event_has_a_name_and_a_line),
		cmocka_unit_test(a_text_has_the_reason_for_not_sending),
		cmocka_unit_test(an_entry_is_valid_json),
		cmocka_unit_test(statistics_have_the_lateness_of_verdicts),
		cmocka_unit_test(the_largest_statistics_fit_into_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
