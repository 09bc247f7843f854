/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rule of core/step.h: each transition and each boundary.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/step.h"

#define MS MAZE_NSEC_PER_MSEC
#define START (7 * MAZE_NSEC_PER_SEC) /* CPU time of the task before its watch */

static struct maze_policy policy;
static struct maze_account account;

/* 100 ms and 200 ms, one sleep forgives all; begins the watch. */
static int set_up(void **state)
{
	struct maze_sample first = { .runtime_ns = START, .act = MAZE_RUNS };

	(void)state;
	policy = (struct maze_policy){ .soft_ns = 100 * MS,
				       .hard_ns = 200 * MS,
				       .recovery = MAZE_RECOVERY_INF,
				       .soft_signal = 24,
				       .hard_signal = 9 };
	memset(&account, 0, sizeof(account));
	maze_step(&policy, &account, &first);
	return 0;
}

static struct maze_verdict step_at(maze_u64 ms, enum maze_act act)
{
	struct maze_sample sample = { .runtime_ns = START + ms * MS, .act = act };

	return maze_step(&policy, &account, &sample);
}

static struct maze_verdict wake_at(maze_u64 ms, maze_u64 asleep_ns)
{
	struct maze_sample sample = { .runtime_ns = START + ms * MS,
				      .act = MAZE_WAKES,
				      .asleep_ns = asleep_ns };

	return maze_step(&policy, &account, &sample);
}

/* A sample that reports a yield at yield_ms. */
static struct maze_verdict sample_yield(maze_u64 ms, maze_u64 yield_ms)
{
	struct maze_sample sample = { .runtime_ns = START + ms * MS,
				      .yield_ns = START + yield_ms * MS,
				      .act = MAZE_RUNS };

	return maze_step(&policy, &account, &sample);
}

static void cpu_time_before_the_watch_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(account.count_ns, 0);
	assert_int_equal(step_at(0, MAZE_RUNS).next_ns, 100 * MS);
}

/* The episode after a yield that is reported between two samples has its verdict in time. */
static void a_sample_is_due_within_each_first_limit(void **state)
{
	(void)state;
	assert_int_equal(maze_next_sample(&policy, 60 * MS), 60 * MS);
	/* After both stages: the yield may come at once. */
	assert_int_equal(maze_next_sample(&policy, 0), 100 * MS);
	/* After the soft stage, with the hard limit far away. */
	policy.hard_ns = 60000 * MS;
	assert_int_equal(maze_next_sample(&policy, step_at(100, MAZE_RUNS).next_ns), 100 * MS);
	policy.soft_ns = 0;
	assert_int_equal(maze_next_sample(&policy, 0), 60000 * MS);
	policy.flags = MAZE_POLICY_YIELD_COUNTS;
	assert_int_equal(maze_next_sample(&policy, 0), 0);
}

static void one_ns_below_the_limit_has_no_verdict(void **state)
{
	struct maze_sample sample = { .runtime_ns = START + 100 * MS - 1, .act = MAZE_RUNS };
	struct maze_verdict verdict = maze_step(&policy, &account, &sample);

	(void)state;
	assert_int_equal(verdict.due, 0);
	assert_int_equal(verdict.next_ns, 1);
}

static void the_limit_itself_is_a_verdict(void **state)
{
	struct maze_verdict verdict = step_at(100, MAZE_RUNS);

	(void)state;
	assert_int_equal(verdict.due, MAZE_FIRED_SOFT);
	assert_int_equal(verdict.tally.count_ns, 100 * MS);
	assert_int_equal(verdict.next_ns, 100 * MS);
}

static void each_stage_comes_once_an_episode(void **state)
{
	(void)state;
	assert_int_equal(step_at(150, MAZE_RUNS).due, MAZE_FIRED_SOFT);
	assert_int_equal(step_at(160, MAZE_RUNS).due, 0);
	assert_int_equal(step_at(200, MAZE_RUNS).due, MAZE_FIRED_HARD);
	assert_int_equal(step_at(900, MAZE_RUNS).due, 0);
	assert_int_equal(step_at(900, MAZE_RUNS).next_ns, 0);
}

static void a_late_sample_brings_both_stages(void **state)
{
	(void)state;
	assert_int_equal(step_at(250, MAZE_RUNS).due, MAZE_FIRED_SOFT | MAZE_FIRED_HARD);
}

static void equal_limits_bring_both_stages(void **state)
{
	(void)state;
	policy.hard_ns = policy.soft_ns;
	assert_int_equal(step_at(100, MAZE_RUNS).due, MAZE_FIRED_SOFT | MAZE_FIRED_HARD);
}

static void a_stage_that_is_off_is_skipped(void **state)
{
	(void)state;
	policy.soft_ns = 0;
	assert_int_equal(step_at(150, MAZE_RUNS).due, 0);
	assert_int_equal(step_at(200, MAZE_RUNS).due, MAZE_FIRED_HARD);
	set_up(state);
	policy.hard_ns = 0;
	assert_int_equal(step_at(300, MAZE_RUNS).due, MAZE_FIRED_SOFT);
	assert_int_equal(step_at(300, MAZE_RUNS).next_ns, 0);
}

static void short_sleep_ends_the_episode(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	assert_int_equal(step_at(150, MAZE_RUNS).due, MAZE_FIRED_SOFT);
	verdict = step_at(160, MAZE_SLEEPS);
	assert_int_equal(verdict.reset, 1);
	assert_int_equal(account.count_ns, 0);
	assert_int_equal(verdict.next_ns, 100 * MS);
	assert_int_equal(step_at(259, MAZE_RUNS).due, 0);
	assert_int_equal(step_at(260, MAZE_RUNS).due, MAZE_FIRED_SOFT);
}

static void the_verdict_comes_before_the_sleep_of_the_same_sample(void **state)
{
	struct maze_verdict verdict = step_at(120, MAZE_SLEEPS);

	(void)state;
	assert_int_equal(verdict.due, MAZE_FIRED_SOFT);
	assert_int_equal(verdict.tally.count_ns, 120 * MS);
	assert_int_equal(account.count_ns, 0);
	assert_int_equal(account.fired, 0);
}

static void a_stale_clock_counts_nothing(void **state)
{
	(void)state;
	step_at(50, MAZE_RUNS);
	assert_int_equal(step_at(40, MAZE_RUNS).tally.count_ns, 50 * MS);
	assert_int_equal(step_at(60, MAZE_RUNS).tally.count_ns, 60 * MS);
}

static void a_yield_resets_unless_yields_count(void **state)
{
	(void)state;
	assert_int_equal(step_at(90, MAZE_YIELDS).reset, 1);
	assert_int_equal(account.count_ns, 0);
	set_up(state);
	policy.flags |= MAZE_POLICY_YIELD_COUNTS;
	assert_int_equal(step_at(90, MAZE_YIELDS).reset, 0);
	assert_int_equal(account.count_ns, 90 * MS);
	assert_int_equal(sample_yield(95, 94).tally.count_ns, 95 * MS);
}

static void a_late_yield_keeps_the_time_after_it(void **state)
{
	struct maze_verdict verdict = sample_yield(120, 90);

	(void)state;
	assert_int_equal(verdict.due, 0);
	assert_int_equal(verdict.reset, 1);
	assert_int_equal(verdict.tally.count_ns, 30 * MS);
}

static void a_yield_is_applied_once(void **state)
{
	(void)state;
	sample_yield(50, 40);
	assert_int_equal(sample_yield(100, 40).tally.count_ns, 60 * MS);
}

static void a_yield_ahead_of_the_clock_charges_nothing_until_then(void **state)
{
	(void)state;
	assert_int_equal(sample_yield(50, 60).tally.count_ns, 0);
	assert_int_equal(step_at(55, MAZE_RUNS).tally.count_ns, 0);
	assert_int_equal(step_at(70, MAZE_RUNS).tally.count_ns, 10 * MS);
}

static void a_yield_before_the_last_reset_changes_nothing(void **state)
{
	(void)state;
	step_at(50, MAZE_SLEEPS);
	assert_int_equal(sample_yield(70, 30).tally.count_ns, 20 * MS);
	assert_int_equal(account.episode, 1);
}

static void with_a_finite_recovery_a_sleep_does_not_reset(void **state)
{
	(void)state;
	policy.recovery = MAZE_RECOVERY_ONE;
	assert_int_equal(step_at(90, MAZE_SLEEPS).reset, 0);
	assert_int_equal(wake_at(90, 50 * MS).tally.count_ns, 40 * MS);
	assert_int_equal(wake_at(90, 39 * MS).reset, 0);
	assert_int_equal(wake_at(90, MS).reset, 1);
	assert_int_equal(account.count_ns, 0);
}

static void soft_comes_again_only_after_the_count_was_zero(void **state)
{
	(void)state;
	policy.recovery = MAZE_RECOVERY_ONE;
	assert_int_equal(step_at(100, MAZE_RUNS).due, MAZE_FIRED_SOFT);
	wake_at(100, 50 * MS);
	assert_int_equal(step_at(160, MAZE_RUNS).due, 0);
	wake_at(160, 200 * MS);
	assert_int_equal(step_at(260, MAZE_RUNS).due, MAZE_FIRED_SOFT);
}

static void a_fraction_of_recovery_is_exact(void **state)
{
	(void)state;
	policy.recovery = MAZE_RECOVERY_ONE / 4;
	step_at(90, MAZE_SLEEPS);
	assert_int_equal(wake_at(90, 40 * MS).tally.count_ns, 80 * MS);
}

static void a_sleep_of_years_does_not_overflow(void **state)
{
	(void)state;
	policy.recovery = MAZE_RECOVERY_MAX;
	step_at(90, MAZE_SLEEPS);
	assert_int_equal(wake_at(90, ~0ULL).tally.count_ns, 0);
	policy.recovery = 1;
	step_at(180, MAZE_SLEEPS);
	assert_int_equal(wake_at(180, ~0ULL).reset, 1);
}

static void forgone_time_is_never_charged(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	step_at(90, MAZE_RUNS);
	/*
	 * It slept somewhere between 90 and 250, so 160 ms of its time lie around the
	 * sleep.
	 */
	maze_forgo(&account, START + 250 * MS);
	verdict = step_at(250, MAZE_SLEEPS);
	assert_int_equal(verdict.due, 0);
	assert_int_equal(verdict.tally.count_ns, 90 * MS);
	assert_int_equal(account.count_ns, 0);
	assert_int_equal(step_at(349, MAZE_RUNS).due, 0);
	assert_int_equal(step_at(350, MAZE_RUNS).due, MAZE_FIRED_SOFT);
	/* A moment in the past takes nothing back. */
	maze_forgo(&account, START + 10 * MS);
	assert_int_equal(step_at(449, MAZE_RUNS).due, 0);
	assert_int_equal(step_at(450, MAZE_RUNS).due, MAZE_FIRED_HARD);
}

/* A reset point may have been missed, but none is known. */
static void doubtful_time_does_not_count_and_no_stage_comes_twice(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	assert_int_equal(step_at(150, MAZE_RUNS).due, MAZE_FIRED_SOFT);
	maze_doubt(&account, START + 160 * MS);
	verdict = step_at(359, MAZE_RUNS);
	assert_int_equal(verdict.due, 0);
	assert_int_equal(verdict.tally.episode, 0);
	assert_int_equal(verdict.tally.count_ns, 199 * MS);
	assert_int_equal(step_at(360, MAZE_RUNS).due, MAZE_FIRED_HARD);
	/* The next reset point arms both stages again. */
	step_at(360, MAZE_SLEEPS);
	assert_int_equal(step_at(460, MAZE_RUNS).due, MAZE_FIRED_SOFT);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpu_time_before_the_watch_does_not_count),
		TEST(a_sample_is_due_within_each_first_limit),
		TEST(one_ns_below_the_limit_has_no_verdict),
		TEST(the_limit_itself_is_a_verdict),
		TEST(each_stage_comes_once_an_episode),
		TEST(a_late_sample_brings_both_stages),
		TEST(equal_limits_bring_both_stages),
		TEST(a_stage_that_is_off_is_skipped),
		TEST(short_sleep_ends_the_episode),
		TEST(the_verdict_comes_before_the_sleep_of_the_same_sample),
		TEST(a_stale_clock_counts_nothing),
		TEST(a_yield_resets_unless_yields_count),
		TEST(a_late_yield_keeps_the_time_after_it),
		TEST(a_yield_is_applied_once),
		TEST(a_yield_ahead_of_the_clock_charges_nothing_until_then),
		TEST(a_yield_before_the_last_reset_changes_nothing),
		TEST(with_a_finite_recovery_a_sleep_does_not_reset),
		TEST(soft_comes_again_only_after_the_count_was_zero),
		TEST(a_fraction_of_recovery_is_exact),
		TEST(forgone_time_is_never_charged),
		TEST(doubtful_time_does_not_count_and_no_stage_comes_twice),
		TEST(a_sleep_of_years_does_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
