/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The buckets of core/streaks.h, and which streaks core/step.h reports.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/step.h"
#include "core/streaks.h"
#include "random.h"

#define MS MAZE_NSEC_PER_MSEC

static void buckets_follow_each_other_and_are_narrow(void **state)
{
	maze_u64 from, to;
	maze_u32 bucket;

	(void)state;
	for (bucket = 0; bucket < MAZE_STREAK_BUCKETS; bucket++) {
		from = maze_streak_bucket_ns(bucket);
		to = maze_streak_bucket_ns(bucket + 1);
		assert_true(from < to);
		assert_int_equal(maze_streak_bucket(from), bucket);
		assert_int_equal(maze_streak_bucket(to - 1), bucket);
		if (bucket)
			assert_true((to - from) * 8 <= from);
	}
	assert_int_equal(maze_streak_bucket_ns(1), 1152);
	assert_int_equal(maze_streak_bucket_ns(MAZE_STREAK_BUCKETS),
			 1ULL << MAZE_STREAK_END_OCTAVE);
	assert_int_equal(maze_streak_bucket(~0ULL), MAZE_STREAK_BUCKETS - 1);
	assert_int_equal(maze_streak_bucket(0), 0);
}

static void every_length_is_in_its_bucket(void **state)
{
	maze_u64 ns;
	maze_u32 bucket;
	int i;

	(void)state;
	random_state = 20080513;
	for (i = 0; i < 100000; i++) {
		ns = roll(1ULL << (1 + roll(MAZE_STREAK_END_OCTAVE)));
		bucket = maze_streak_bucket(ns);
		assert_true(maze_streak_bucket_ns(bucket) <= ns);
		assert_true(ns < maze_streak_bucket_ns(bucket + 1));
	}
}

static struct maze_policy policy;
static struct maze_account account;

static struct maze_verdict step(maze_u64 runtime_ns, enum maze_act act, maze_u64 asleep_ns)
{
	struct maze_sample sample = { .runtime_ns = runtime_ns,
				      .act = act,
				      .asleep_ns = asleep_ns };

	return maze_step(&policy, &account, &sample);
}

static int set_up(void **state)
{
	(void)state;
	policy =
		(struct maze_policy){ .recovery = MAZE_RECOVERY_INF, .flags = MAZE_POLICY_OBSERVE };
	account = (struct maze_account){ 0 };
	step(1000 * MS, MAZE_RUNS, 0);
	return 0;
}

static void a_policy_that_observes_needs_no_limit(void **state)
{
	(void)state;
	assert_int_equal(maze_policy_check(&policy), MAZE_POLICY_OK);
	assert_int_equal(step(9000 * MS, MAZE_RUNS, 0).next_ns, 0);
	policy.flags = 0;
	assert_int_equal(maze_policy_check(&policy), MAZE_POLICY_NO_STAGE);
	policy.flags = MAZE_POLICY_OBSERVE | MAZE_SCOPE_TREE << MAZE_POLICY_SCOPE_SHIFT;
	policy.share = MAZE_SHARE_ONE;
	assert_int_equal(maze_policy_check(&policy), MAZE_POLICY_UNKNOWN_FLAG);
}

static void a_sleep_ends_the_streak_since_the_last_one(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	assert_int_equal(step(1003 * MS, MAZE_RUNS, 0).ended, 0);
	verdict = step(1005 * MS, MAZE_SLEEPS, 0);
	assert_int_equal(verdict.ended, 1);
	assert_int_equal(verdict.streak_ns, 5 * MS);
	assert_int_equal(verdict.spent_ns, 5 * MS);
	verdict = step(1007 * MS, MAZE_YIELDS, 0);
	assert_int_equal(verdict.streak_ns, 2 * MS);
}

/* The count falls from 10 ms to 4 ms and rises to 7 ms: no limit above 10 ms was reached. */
static void with_recovery_the_highest_count_is_the_streak(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	policy.recovery = MAZE_RECOVERY_ONE;
	assert_int_equal(step(1010 * MS, MAZE_LOCKS, 0).ended, 0);
	assert_int_equal(step(1010 * MS, MAZE_WAKES, 6 * MS).ended, 0);
	step(1013 * MS, MAZE_LOCKS, 0);
	assert_int_equal(maze_streak(&account), 10 * MS);
	verdict = step(1013 * MS, MAZE_WAKES, 7 * MS);
	assert_int_equal(verdict.ended, 1);
	assert_int_equal(verdict.streak_ns, 10 * MS);
	assert_int_equal(verdict.spent_ns, 13 * MS);
	/* The next episode does not have that peak. */
	step(1014 * MS, MAZE_LOCKS, 0);
	assert_int_equal(step(1014 * MS, MAZE_WAKES, 7 * MS).streak_ns, 1 * MS);
}

/* Two yields between two samples end two streaks; the sample ends only the rest. */
static void each_yield_without_a_sample_ends_a_streak(void **state)
{
	struct maze_sample sample = { .runtime_ns = 1020 * MS, .act = MAZE_SLEEPS };
	struct maze_verdict verdict;

	(void)state;
	step(1004 * MS, MAZE_RUNS, 0);
	assert_int_equal(maze_yield_streak(&account, 0, 1005 * MS), 5 * MS);
	assert_int_equal(maze_yield_streak(&account, 1005 * MS, 1017 * MS), 12 * MS);
	sample.yield_ns = 1017 * MS;
	verdict = maze_step(&policy, &account, &sample);
	assert_int_equal(verdict.streak_ns, 3 * MS);
	assert_int_equal(verdict.spent_ns, 20 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_follow_each_other_and_are_narrow),
		cmocka_unit_test(every_length_is_in_its_bucket),
		cmocka_unit_test_setup(a_policy_that_observes_needs_no_limit, set_up),
		cmocka_unit_test_setup(a_sleep_ends_the_streak_since_the_last_one, set_up),
		cmocka_unit_test_setup(with_recovery_the_highest_count_is_the_streak, set_up),
		cmocka_unit_test_setup(each_yield_without_a_sample_ends_a_streak, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
