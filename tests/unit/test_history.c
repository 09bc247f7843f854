/* SPDX-License-Identifier: GPL-2.0-only */
/* Observations that are added, and kept over restarts of mazed and of the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "observe/history.h"
#include "observe/streaks_file.h"

#define PATH "/usr/bin/worker"

/* Classes of this test are in arrays, so only `sum` and what was read are freed. */
static struct observed class_of(const char *rule, const char *exe, const char *program, int count,
				maze_u64 ns)
{
	struct observed class = { .rule = (char *)rule, .exe = (char *)exe };

	snprintf(class.streaks.program, sizeof(class.streaks.program), "%s", program);
	class.streaks.streaks = class.streaks.processes = (maze_u64)count;
	class.streaks.cpu_ns = (maze_u64)count * ns;
	class.streaks.buckets[maze_streak_bucket(ns)] = (maze_u64)count;
	class.streaks.longest_ns = class.streaks.longest_seen_ns = ns;
	class.longest_at_ns = (long long)ns;
	class.units = json_pack("[s]", program);
	class.users = json_pack("[s]", rule ? rule : "root");
	return class;
}

static void drop_names(struct observed *classes, size_t count)
{
	for (; count--; classes++) {
		json_decref(classes->units);
		json_decref(classes->users);
	}
}

static maze_u64 streaks_in(const struct observation *observation)
{
	maze_u64 streaks = 0;
	size_t i;

	for (i = 0; i < observation->count; i++)
		streaks += observation->classes[i].streaks.streaks;
	return streaks;
}

static void classes_are_added_by_rule_and_program(void **state)
{
	struct observed classes[] = {
		class_of("a", PATH, "worker", 3, 5000000),
		class_of("a", PATH, "worker", 4, 9000000),
		class_of("b", PATH, "worker", 1, 2000),
		class_of(NULL, PATH, "worker", 1, 2000),
		class_of("a", NULL, "worker", 1, 2000),
		class_of("a", NULL, "other", 1, 2000),
		class_of("a", NULL, "other", 2, 3000),
	};
	struct observation part = { .classes = classes, .count = 7 }, sum = { 0 };
	const struct maze_streaks *first;

	(void)state;
	classes[0].streaks.inode = 1;
	classes[1].streaks.inode = 2;
	classes[0].streaks.running_pid = 7;
	classes[0].streaks.running_ns = 8;
	assert_int_equal(observation_add(&sum, &part), 0);
	assert_int_equal(sum.count, 5);
	first = &sum.classes[0].streaks;
	assert_int_equal(first->streaks, 7);
	assert_int_equal(first->processes, 7);
	assert_int_equal(first->cpu_ns, 51000000);
	assert_int_equal(first->buckets[maze_streak_bucket(5000000)], 3);
	assert_int_equal(first->buckets[maze_streak_bucket(9000000)], 4);
	assert_int_equal(first->longest_ns, 9000000);
	assert_int_equal(sum.classes[0].longest_at_ns, 9000000);
	assert_int_equal(first->inode, 2);
	assert_int_equal(first->running_pid, 7);
	assert_int_equal(json_array_size(sum.classes[0].units), 1);
	assert_int_equal(sum.classes[4].streaks.streaks, 3);
	observation_free(&sum);
	drop_names(classes, 7);
}

static void days_are_added_and_bounded(void **state)
{
	struct observed_day days[OBSERVED_DAYS_MAX + 5] = { 0 };
	struct observation part = { .days = days }, sum = { 0 };
	int i;

	(void)state;
	for (i = 0; i < OBSERVED_DAYS_MAX + 5; i++) {
		snprintf(days[i].date, sizeof(days[i].date), "%04d-%02d-%02d", 2026 + i / 336,
			 1 + i / 28 % 12, 1 + i % 28);
		days[i].time_ns = 50000 * MAZE_NSEC_PER_SEC;
	}
	part.days_count = 2;
	observation_add_days(&sum, &part);
	assert_int_equal(observation_time_ns(&sum), 100000 * MAZE_NSEC_PER_SEC);
	/* The same days again: no day has more than its seconds. */
	observation_add_days(&sum, &part);
	assert_int_equal(observation_time_ns(&sum), 172800 * MAZE_NSEC_PER_SEC);
	part.days_count = OBSERVED_DAYS_MAX + 5;
	observation_add_days(&sum, &part);
	assert_int_equal(sum.days_count, OBSERVED_DAYS_MAX);
	assert_string_equal(sum.days[0].date, days[5].date);
	observation_free(&sum);
}

static void the_least_used_classes_become_one(void **state)
{
	struct observed *classes = calloc(700, sizeof(*classes));
	struct observation part = { .classes = classes, .count = 700 }, sum = { 0 };
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < 700; i++) {
		snprintf(name, sizeof(name), "program%d", i);
		classes[i] = class_of(NULL, NULL, name, 1, 1000000 + (maze_u64)i);
	}
	assert_int_equal(observation_add(&sum, &part), 0);
	assert_int_equal(observation_bound(&sum, HISTORY_CLASSES_MAX), 0);
	assert_int_equal(sum.count, HISTORY_CLASSES_MAX);
	assert_int_equal(streaks_in(&sum), 700);
	assert_string_equal(sum.classes[0].streaks.program, MAZE_STREAK_OTHERS_NAME);
	assert_int_equal(sum.classes[0].streaks.streaks, 700 - (HISTORY_CLASSES_MAX - 1));
	assert_string_equal(sum.classes[1].streaks.program, "program699");
	/* And again, with the class of the others. */
	assert_int_equal(observation_add(&sum, &part), 0);
	assert_int_equal(observation_bound(&sum, HISTORY_CLASSES_MAX), 0);
	assert_int_equal(sum.count, HISTORY_CLASSES_MAX);
	assert_int_equal(streaks_in(&sum), 1400);
	observation_free(&sum);
	drop_names(classes, 700);
	free(classes);
}

/* One mazed: it reads the file, and writes it. Returns the streaks of the file. */
static maze_u64 restart(char **text, const char *boot_id, maze_u64 instance, int count)
{
	struct observed class = class_of("a", PATH, "worker", count, 5000000);
	struct observed_day day = { .date = "2026-11-20", .time_ns = 60 * MAZE_NSEC_PER_SEC };
	struct observation of_engine = { .classes = &class,
					 .count = 1,
					 .days = &day,
					 .days_count = 1,
					 .from_ns = 1795000000000000000LL };
	struct history history = { .boot_id = boot_id, .instance = instance };
	struct maze_error error = { "" };
	struct observation read;
	struct streaks_file *file;
	maze_u64 streaks;

	if (*text && history_read(&history, *text, strlen(*text), &error))
		fail_msg("%s", error.text);
	free(*text);
	*text = history_text(&history, &of_engine, "bpf");
	assert_non_null(*text);
	if (streaks_file_parse(*text, strlen(*text), &file, &error))
		fail_msg("%s", error.text);
	assert_int_equal(observation_from_json(file->root, &read), 0);
	assert_int_equal(read.count, 1);
	assert_string_equal(read.classes[0].rule, "a");
	assert_string_equal(read.classes[0].exe, PATH);
	assert_int_equal(read.classes[0].longest_at_ns, 5000000);
	assert_int_equal(read.from_ns, 1795000000000000000LL);
	streaks = read.classes[0].streaks.buckets[maze_streak_bucket(5000000)];
	assert_int_equal(streaks_in(&read), streaks);
	observation_free(&read);
	streaks_file_free(file);
	history_free(&history);
	drop_names(&class, 1);
	return streaks;
}

static void each_streak_counts_once(void **state)
{
	char *text = NULL;

	(void)state;
	assert_int_equal(restart(&text, "boot", 1, 10), 10);
	/* The engine goes on. */
	assert_int_equal(restart(&text, "boot", 1, 15), 15);
	/* The next engine, twice. */
	assert_int_equal(restart(&text, "boot", 2, 1), 16);
	assert_int_equal(restart(&text, "boot", 2, 3), 18);
	/* The next boot, with the same number. */
	assert_int_equal(restart(&text, "other", 2, 4), 22);
	assert_int_equal(restart(&text, "other", 2, 5), 23);
	/* Engines that end with mazed. */
	assert_int_equal(restart(&text, "other", 0, 7), 30);
	assert_int_equal(restart(&text, "other", 0, 7), 37);
	/* All the days. */
	assert_non_null(strstr(text, "\"seconds\": 480"));
	free(text);
}

/* The last of each is that of "earlier", if that has one. */
static void a_damaged_part_is_an_error(void **state)
{
	static const char *const damages[] = { "\"2026-11-20\"", "\"version\"", "\"worker\",",
					       "\"a\"]" };
	struct history history = { .boot_id = "boot", .instance = 1 };
	struct maze_error error;
	char *text, *at, *last;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		text = NULL;
		restart(&text, "boot", 0, 3);
		restart(&text, "boot", 1, 3);
		for (at = last = strstr(text, damages[i]); at; at = strstr(at + 1, damages[i]))
			last = at;
		memset(last, '7', strlen(damages[i]) - 1);
		error.text[0] = '\0';
		assert_true(history_read(&history, text, strlen(text), &error) < 0);
		assert_true(error.text[0]);
		assert_int_equal(history.known.count + history.earlier.count, 0);
		free(text);
	}
}

static void a_known_file_gives_a_class_its_path(void **state)
{
	struct observed known = class_of("a", PATH, "worker", 1, 2000);
	struct observed classes[] = { class_of("b", NULL, "worker", 1, 2000),
				      class_of("b", NULL, "worker", 1, 2000) };
	struct observation of_engine = { .classes = classes, .count = 2 };
	struct history history = { .known = { .classes = &known, .count = 1 } };

	(void)state;
	known.streaks.inode = classes[0].streaks.inode = classes[1].streaks.inode = 12;
	known.streaks.device = classes[0].streaks.device = 3;
	history_add_paths(&history, &of_engine);
	assert_string_equal(classes[0].exe, PATH);
	assert_null(classes[1].exe);
	free(classes[0].exe);
	drop_names(&known, 1);
	drop_names(classes, 2);
}

#define SECOND MAZE_NSEC_PER_SEC

/* This thread, as it would have been found a minute ago with so much less of each. */
static struct followed followed_since(maze_u64 run_ns, maze_u64 waited_ns, maze_u64 sleeps)
{
	struct followed self = { .pid = (maze_u32)getpid(), .tid = (maze_u32)getpid() };
	int dir = open("/proc/self", O_PATH | O_DIRECTORY), kept = -1;
	struct thread_status status;

	if (proc_thread_times(dir, getpid(), &kept, false, &self.times))
		skip();
	assert_int_equal(proc_start_ticks(dir, &self.start_ticks), 0);
	assert_int_equal(proc_thread_status(dir, getpid(), &status), 0);
	close(dir);
	self.at_ns = now_ns(CLOCK_MONOTONIC) - 60 * SECOND;
	self.times.runtime_ns -= run_ns;
	self.times.waited_ns -= waited_ns;
	self.sleeps = status.sleeps - sleeps;
	return self;
}

/* Returns how long it has hardly been asleep, in whole minutes. */
static maze_u64 minutes_awake(const char *program, struct followed followed)
{
	struct observed class = { .followed = followed, .awake = { .ns = 1 } };

	snprintf(class.streaks.program, sizeof(class.streaks.program), "%s", program);
	/* If this one is not, that one is followed. */
	class.streaks.running_pid = class.streaks.running_tid = (maze_u32)getpid();
	observed_follow(&class);
	free(class.exe);
	if (class.awake.ns) {
		assert_int_equal(class.awake.pid, getpid());
		assert_string_equal(class.awake.comm, "test_history");
	}
	assert_int_equal(class.followed.tid, strcmp(program, "other") ? getpid() : 0);
	return class.awake.ns / (60 * SECOND);
}

static void a_thread_is_followed_while_it_is_hardly_ever_asleep(void **state)
{
	struct followed followed;

	(void)state;
	/* It waited for most of the minute, and slept for 5 of its seconds, 1000 times. */
	followed = followed_since(10 * SECOND, 45 * SECOND, 1000);
	assert_int_equal(minutes_awake("test_history", followed), 1);
	followed.awake_ns = 60 * SECOND;
	assert_int_equal(minutes_awake("test_history", followed), 2);
	/* Another program, or another thread of that number. */
	assert_int_equal(minutes_awake("other", followed), 0);
	followed.start_ticks--;
	assert_int_equal(minutes_awake("test_history", followed), 0);
	/* It slept for 15 s; or 10,000 times. */
	followed = followed_since(10 * SECOND, 35 * SECOND, 1000);
	assert_int_equal(minutes_awake("test_history", followed), 0);
	followed = followed_since(10 * SECOND, 45 * SECOND, 10000);
	assert_int_equal(minutes_awake("test_history", followed), 0);
}

/* Between two looks at it there is a minute. */
static void a_thread_is_not_looked_at_too_early(void **state)
{
	struct observed class = { .awake = { .ns = 7 } };

	(void)state;
	class.followed = followed_since(0, 0, 0);
	class.followed.at_ns = now_ns(CLOCK_MONOTONIC);
	observed_follow(&class);
	assert_int_equal(class.awake.ns, 7);
}

static void an_awake_thread_is_in_the_file(void **state)
{
	struct observed classes[] = { class_of("a", PATH, "worker", 3, 5000000),
				      class_of("a", PATH, "worker", 3, 5000000) };
	struct observation part = { .classes = classes, .count = 2 }, sum = { 0 }, again = { 0 };
	struct streaks_file *file;
	json_t *json;

	(void)state;
	classes[0].awake = (struct awake){ .ns = 61 * SECOND, .pid = 8, .comm = "loop" };
	classes[1].awake = (struct awake){ .ns = 60 * SECOND, .pid = 9, .comm = "other" };
	assert_int_equal(observation_add(&sum, &part), 0);
	json = observation_json(&sum, "poll");
	assert_int_equal(observation_from_json(json, &again), 0);
	assert_int_equal(again.classes[0].awake.ns, 61 * SECOND);
	assert_int_equal(again.classes[0].awake.pid, 8);
	assert_string_equal(again.classes[0].awake.comm, "loop");
	assert_int_equal(streaks_file_from_json(json, &file, NULL), 0);
	assert_int_equal(file->classes[0].awake.ns, 61 * SECOND);
	streaks_file_free(file);
	json_decref(json);
	observation_free(&again);
	observation_free(&sum);
	drop_names(classes, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_added_by_rule_and_program),
		cmocka_unit_test(days_are_added_and_bounded),
		cmocka_unit_test(the_least_used_classes_become_one),
		cmocka_unit_test(each_streak_counts_once),
		cmocka_unit_test(a_damaged_part_is_an_error),
		cmocka_unit_test(a_known_file_gives_a_class_its_path),
		cmocka_unit_test(a_thread_is_followed_while_it_is_hardly_ever_asleep),
		cmocka_unit_test(a_thread_is_not_looked_at_too_early),
		cmocka_unit_test(an_awake_thread_is_in_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
