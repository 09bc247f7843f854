/* SPDX-License-Identifier: GPL-2.0-only */
/* What two readings of the members of a group say about its consumers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evidence/capture/group_times.h"

#define MS MAZE_NSEC_PER_MSEC
#define READING(processes_, threads_)                                                              \
	{                                                                                          \
		.boot_ns = MAZE_NSEC_PER_SEC, .processes = (processes_), .threads = (threads_),    \
		.processes_count = sizeof(processes_) / sizeof((processes_)[0]),                   \
		.threads_count = sizeof(threads_) / sizeof((threads_)[0])                          \
	}
/* Long after the first reading. */
#define LATER 1000000

static void what_has_ended_is_not_counted_twice(void **state)
{
	struct group_process before[] = {
		{ 10, 1, 1, 100 * (long long)MS, 50 * (long long)MS, "root" },
		{ 20, 10, 1, 900 * (long long)MS, 300 * (long long)MS, "middle" },
		{ 30, 20, 1, 500 * (long long)MS, 0, "leaf" },
	};
	/* middle and leaf have ended, and root has waited for middle, which had for leaf. */
	struct group_process after[] = {
		{ 10, 1, 1, 110 * (long long)MS, (50 + 900 + 300 + 500 + 70) * (long long)MS,
		  "root" },
	};
	struct group_thread threads[] = { { 10, 10, 100 * MS }, { 20, 20, 900 * MS } };
	struct group_thread later[] = { { 10, 10, 110 * MS } };
	struct group_times from = READING(before, threads), to = READING(after, later);
	struct group_consumer found[GROUP_CONSUMERS_MAX];
	maze_u64 cpu_ns;

	(void)state;
	assert_int_equal(group_times_compare(&from, &to, found, &cpu_ns), 2);
	assert_int_equal(found[0].kind, GROUP_ENDED_CHILDREN);
	assert_int_equal(found[0].cpu_ns, 70 * MS);
	assert_int_equal(found[1].kind, GROUP_THREAD);
	assert_int_equal(found[1].cpu_ns, 10 * MS);
	assert_int_equal(cpu_ns, 80 * MS);
}

static void threads_that_ended_are_a_consumer_of_their_process(void **state)
{
	struct group_process before[] = { { 10, 1, 1, 100 * (long long)MS, 0, "pool" } };
	struct group_process after[] = { { 10, 1, 1, 500 * (long long)MS, 0, "pool" } };
	struct group_thread threads[] = { { 10, 10, 5 * MS }, { 10, 11, 95 * MS } };
	/* 11 has ended, and another thread has its number. 12 is new. */
	struct group_thread later[] = { { 10, 10, 6 * MS },
					{ 10, 11, 9 * MS },
					{ 10, 12, 40 * MS } };
	struct group_times from = READING(before, threads), to = READING(after, later);
	struct group_consumer found[GROUP_CONSUMERS_MAX];
	maze_u64 cpu_ns;

	(void)state;
	assert_int_equal(group_times_compare(&from, &to, found, &cpu_ns), 3);
	assert_int_equal(found[0].kind, GROUP_ENDED_THREADS);
	assert_int_equal(found[0].cpu_ns, 350 * MS);
	assert_int_equal(found[1].tid, 12);
	assert_int_equal(found[2].tid, 11);
	assert_int_equal(cpu_ns, 400 * MS);
}

static void what_was_used_outside_the_group_does_not_count(void **state)
{
	struct group_process before[] = { { 10, 1, 1, 0, 0, "old" } };
	/* 20 has come into the group, 30 began in it. 10 is another process than before. */
	struct group_process after[] = {
		{ 10, 1, LATER, 30 * (long long)MS, 0, "reused" },
		{ 20, 1, 2, 9000 * (long long)MS, 9000 * (long long)MS, "came" },
		{ 30, 1, LATER, 60 * (long long)MS, 0, "new" },
	};
	struct group_thread threads[] = { { 10, 10, 0 } };
	struct group_thread later[] = { { 10, 10, 30 * MS },
					{ 20, 20, 9000 * MS },
					{ 30, 30, 60 * MS } };
	struct group_times from = READING(before, threads), to = READING(after, later);
	struct group_consumer found[GROUP_CONSUMERS_MAX];
	maze_u64 cpu_ns;

	(void)state;
	assert_int_equal(group_times_compare(&from, &to, found, &cpu_ns), 2);
	assert_int_equal(found[0].pid, 30);
	assert_int_equal(found[1].pid, 10);
	assert_int_equal(cpu_ns, 90 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_ended_is_not_counted_twice),
		cmocka_unit_test(threads_that_ended_are_a_consumer_of_their_process),
		cmocka_unit_test(what_was_used_outside_the_group_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
