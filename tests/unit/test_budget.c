/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rule of core/budget.h: each transition and each boundary.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/budget.h"

#define MS MAZE_NSEC_PER_MSEC
#define START (7 * MAZE_NSEC_PER_SEC)	  /* usage before the watch */
#define BOOTED (1000 * MAZE_NSEC_PER_SEC) /* time of the first sample */

static struct maze_policy policy;
static struct maze_budget budget;

/* The times and the usage are in ms since the begin of the watch. */
static struct maze_verdict step(maze_u64 usage, maze_u64 lag, maze_u64 begin, maze_u64 end)
{
	struct maze_budget_sample sample = { .usage_ns = START + usage * MS,
					     .lag_ns = lag * MS,
					     .begin_ns = BOOTED + begin * MS,
					     .end_ns = BOOTED + end * MS };

	return maze_budget_step(&policy, &budget, &sample);
}

/* Half a CPU, 100 ms and 200 ms. */
static int set_up(void **state)
{
	(void)state;
	policy = (struct maze_policy){ .soft_ns = 100 * MS,
				       .hard_ns = 200 * MS,
				       .share = MAZE_SHARE_ONE / 2,
				       .flags = MAZE_SCOPE_TREE << MAZE_POLICY_SCOPE_SHIFT };
	assert_int_equal(maze_policy_check(&policy), MAZE_POLICY_OK);
	memset(&budget, 0, sizeof(budget));
	step(0, 0, 0, 0);
	return 0;
}

static void usage_before_the_watch_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(budget.account.count_ns, 0);
	assert_int_equal(step(0, 0, 0, 0).next_ns, 100 * MS);
}

/* Each step may take at most 1 ns, and the first sample 1 ns more. */
static void assert_level(const struct maze_verdict *verdict, maze_u64 ms, maze_u64 steps)
{
	assert_in_range(verdict->tally.count_ns, ms * MS - steps - 1, ms * MS);
}

static void a_stage_comes_at_its_level_and_once(void **state)
{
	struct maze_verdict verdict = step(198, 0, 198, 198);

	(void)state;
	assert_level(&verdict, 99, 1);
	assert_int_equal(verdict.due, 0);
	verdict = step(202, 0, 202, 202);
	assert_level(&verdict, 101, 2);
	assert_int_equal(verdict.due, MAZE_FIRED_SOFT);
	assert_int_equal(verdict.tally.used_ns, 202 * MS);
	assert_int_equal(verdict.tally.elapsed_ns, 202 * MS);
	assert_int_equal(verdict.next_ns, 200 * MS - verdict.tally.count_ns);
	assert_int_equal(step(398, 0, 398, 398).due, 0);
	verdict = step(402, 0, 402, 402);
	assert_int_equal(verdict.due, MAZE_FIRED_HARD);
	assert_int_equal(verdict.next_ns, 0);
	assert_int_equal(step(900, 0, 900, 900).due, 0);
}

static void a_late_sample_brings_both_stages(void **state)
{
	(void)state;
	assert_int_equal(step(500, 0, 500, 500).due, MAZE_FIRED_SOFT | MAZE_FIRED_HARD);
}

static void a_level_of_zero_ends_the_episode(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	assert_int_equal(step(202, 0, 202, 202).due, MAZE_FIRED_SOFT);
	assert_int_equal(step(202, 0, 403, 403).reset, 0);
	verdict = step(202, 0, 404, 404);
	assert_int_equal(verdict.reset, 1);
	assert_int_equal(verdict.tally.episode, 1);
	assert_int_equal(step(202, 0, 1000, 1000).reset, 0);
	verdict = step(404, 0, 1202, 1202);
	assert_int_equal(verdict.due, MAZE_FIRED_SOFT);
	assert_int_equal(verdict.tally.episode, 1);
	assert_int_equal(verdict.tally.used_ns, 202 * MS);
	assert_int_equal(verdict.tally.elapsed_ns, 202 * MS);
}

static void exactly_the_share_has_no_level(void **state)
{
	maze_u64 ms;

	(void)state;
	for (ms = 2; ms < 100000; ms += 2)
		assert_int_equal(step(ms / 2, 0, ms, ms).tally.count_ns, 0);
}

/* All of the usage that the first sample may not have seen can be from before it. */
static void lag_and_duration_of_a_sample_are_not_charged(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	step(0, 30, 0, 20);
	verdict = step(100, 0, 120, 120);
	assert_level(&verdict, 100 - 50 - 30 - 10, 1);
	/* Above 0, the lag of a sample makes no difference to later ones. */
	step(100, 30, 120, 120);
	verdict = step(200, 0, 220, 220);
	assert_level(&verdict, 10 + 50, 3);
}

static void lower_usage_is_ignored(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	step(100, 0, 100, 100);
	verdict = step(10, 0, 102, 102);
	assert_level(&verdict, 49, 2);
	verdict = step(102, 0, 102, 102);
	assert_level(&verdict, 51, 3);
}

/* An exact sample from before a vague one must not make that one exact. */
static void an_earlier_time_gives_no_level(void **state)
{
	struct maze_verdict verdict;

	(void)state;
	memset(&budget, 0, sizeof(budget));
	step(0, 1000, 1000, 1000);
	step(0, 0, 500, 500);
	/* It used half a CPU from 500 on, which has no level. */
	verdict = step(250, 0, 1000, 1000);
	assert_int_equal(verdict.tally.count_ns, 0);
}

static void large_numbers_do_not_overflow(void **state)
{
	(void)state;
	policy.share = MAZE_SHARE_MAX;
	assert_int_equal(maze_share_of(MAZE_SHARE_MAX, ~0ULL), 1ULL << 62);
	assert_int_equal(maze_share_of(1, ~0ULL), (1ULL << 48) - 1);
	assert_int_equal(maze_share_of(MAZE_SHARE_MAX, 1000), 8192000);
	step(0, 0, 0, 1000000000000ULL);
	assert_int_equal(step(3000000000000ULL, 0, 1000000000000ULL, 9000000000000ULL).due, 0);
	assert_int_equal(budget.account.count_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(usage_before_the_watch_does_not_count, set_up),
		cmocka_unit_test_setup(a_stage_comes_at_its_level_and_once, set_up),
		cmocka_unit_test_setup(a_late_sample_brings_both_stages, set_up),
		cmocka_unit_test_setup(a_level_of_zero_ends_the_episode, set_up),
		cmocka_unit_test_setup(exactly_the_share_has_no_level, set_up),
		cmocka_unit_test_setup(lag_and_duration_of_a_sample_are_not_charged, set_up),
		cmocka_unit_test_setup(lower_usage_is_ignored, set_up),
		cmocka_unit_test_setup(an_earlier_time_gives_no_level, set_up),
		cmocka_unit_test_setup(large_numbers_do_not_overflow, set_up),
	};

	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
