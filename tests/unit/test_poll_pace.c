/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The intervals of the poll engine, as pure functions and against a model of the cost of
 * its checks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/poll/pace.h"

#define MS MAZE_NSEC_PER_MSEC
#define ONE PACE_STRETCH_ONE

static maze_u64 step_ns(maze_u64 limit_ns, maze_u64 stretch)
{
	return pace_step_ns(limit_ns, PACE_CLOCK_PERCENT, stretch);
}

static void a_step_leaves_room_for_the_last_check(void **state)
{
	static const maze_u64 limits_ms[] = { 50, 100, 300, 1000, 10000, 3600000 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(limits_ms) / sizeof(limits_ms[0]); i++)
		assert_true(step_ns(limits_ms[i] * MS, ONE) <= 6 * MS);
	assert_int_equal(step_ns(100 * MS, ONE), 6 * MS);
	/* Shorter than a tick, it would read nothing new. */
	assert_int_equal(step_ns(MS, ONE), PACE_STEP_MIN_NS);
}

static void long_limits_are_slowed_first(void **state)
{
	maze_u64 stretch;

	(void)state;
	assert_int_equal(step_ns(100 * MS, 2 * ONE), 12 * MS);
	assert_int_equal(step_ns(1000 * MS, 2 * ONE), 48 * MS);
	/* But not beyond the promised lateness. */
	assert_int_equal(step_ns(1000 * MS, 4 * ONE), 60 * MS);
	/* Beyond that bound all limits are reduced alike. */
	assert_int_equal(step_ns(1000 * MS, 16 * ONE), step_ns(100 * MS, 16 * ONE));
	for (stretch = ONE; stretch < PACE_STRETCH_MAX; stretch++)
		assert_true(step_ns(1000 * MS, stretch + 1) >= step_ns(1000 * MS, stretch));
}

/* Some wakeups per step, each with this cost, for so many seconds of model time. */
static maze_u32 settle(maze_u32 stretch, maze_u64 limit_ns, maze_u64 cost_ns, int seconds,
		       maze_u64 *ret_share)
{
	maze_u64 looks, passed_ns;

	for (passed_ns = 0; passed_ns < (maze_u64)seconds * MAZE_NSEC_PER_SEC;
	     passed_ns += PACE_PERIOD_NS) {
		looks = PACE_PERIOD_NS / step_ns(limit_ns, stretch);
		*ret_share = looks * cost_ns * 100000 / PACE_PERIOD_NS;
		stretch = pace_stretch(stretch, *ret_share, 1);
	}
	return stretch;
}

static void pace_settles_slightly_below_one_percent(void **state)
{
	static const maze_u64 limits_ms[] = { 1, 10, 100, 1000, 10000 };
	maze_u64 cost_us, share;
	maze_u32 stretch;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(limits_ms) / sizeof(limits_ms[0]); i++) {
		for (cost_us = 5; cost_us <= 800; cost_us *= 2) {
			stretch = settle(ONE, limits_ms[i] * MS, cost_us * 1000, 10, &share);
			assert_true(share < 1000);
			assert_true(stretch == ONE || share > PACE_SHARE / 2);
		}
	}
}

/* Up to 45 us per check, the budget covers the full pace at 100 ms. */
static void a_limit_of_100_ms_is_kept_with_expensive_wakeups(void **state)
{
	maze_u64 share;

	(void)state;
	assert_int_equal(settle(PACE_STRETCH_MAX, 100 * MS, 45000, 10, &share), ONE);
}

static void the_stretch_ends_while_nothing_runs(void **state)
{
	(void)state;
	assert_int_equal(pace_stretch(16 * ONE, 0, 1), 8 * ONE);
	assert_int_equal(pace_stretch(16 * ONE, 0, 3), 2 * ONE);
	assert_int_equal(pace_stretch(PACE_STRETCH_MAX, 0, 1000000), ONE);
	/* A period with a random high cost adds at most one doubling. */
	assert_int_equal(pace_stretch(ONE, 100000, 1), 2 * ONE);
	assert_int_equal(pace_stretch(PACE_STRETCH_MAX, 100000, 1), PACE_STRETCH_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_leaves_room_for_the_last_check),
		cmocka_unit_test(long_limits_are_slowed_first),
		cmocka_unit_test(pace_settles_slightly_below_one_percent),
		cmocka_unit_test(a_limit_of_100_ms_is_kept_with_expensive_wakeups),
		cmocka_unit_test(the_stretch_ends_while_nothing_runs),
	};

	return cmocka_run_group_tests_name("poll_pace", tests, NULL, NULL);
}
