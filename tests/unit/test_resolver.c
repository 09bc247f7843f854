/* SPDX-License-Identifier: GPL-2.0-only */
/* A resolver runs one unwind at a time; none keeps the next from starting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../base/clock.h"
#include "../../evidence/symbols/resolver.h"

#define PATIENCE_NS (60 * MAZE_NSEC_PER_SEC)

/* Without a module, so the unwind has no frames. */
static int want_unwind(struct resolver *resolver, maze_u64 asker)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int err;

	assert_non_null(snapshot);
	err = resolver_want_unwind(resolver, asker, snapshot, NULL, NULL, 0);
	if (err)
		free(snapshot);
	return err;
}

/* Runs the job to its end. Returns how often the result was taken; asker 0 takes none. */
static int run_job(struct resolver *resolver, maze_u64 asker)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + PATIENCE_NS;
	struct unwind_frame frames[UNWIND_FRAMES_MAX];
	size_t count;
	int taken = 0;

	do {
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		if (asker && resolver_take_unwound(resolver, asker, frames, &count) == 1)
			taken++;
		usleep(1000);
	} while (resolver_run(resolver));
	if (asker && resolver_take_unwound(resolver, asker, frames, &count) == 1)
		taken++;
	return taken;
}

static void a_result_is_taken_once(void **state)
{
	struct resolver *resolver;

	(void)state;
	assert_int_equal(resolver_new(&resolver), 0);
	assert_int_equal(want_unwind(resolver, 1), 0);
	assert_int_equal(run_job(resolver, 1), 1);
	assert_int_equal(want_unwind(resolver, 2), 0);
	assert_int_equal(run_job(resolver, 2), 1);
	resolver_free(resolver);
}

static void an_unwind_is_dropped_before_its_job(void **state)
{
	struct resolver *resolver;

	(void)state;
	assert_int_equal(resolver_new(&resolver), 0);
	assert_int_equal(want_unwind(resolver, 1), 0);
	assert_int_not_equal(want_unwind(resolver, 2), 0);
	resolver_drop_unwind(resolver, 1);
	assert_int_equal(want_unwind(resolver, 2), 0);
	assert_int_equal(run_job(resolver, 2), 1);
	resolver_free(resolver);
}

static void an_unwind_is_dropped_during_its_job(void **state)
{
	struct resolver *resolver;

	(void)state;
	assert_int_equal(resolver_new(&resolver), 0);
	assert_int_equal(want_unwind(resolver, 1), 0);
	resolver_run(resolver);
	resolver_drop_unwind(resolver, 1);
	run_job(resolver, 0);
	assert_int_equal(want_unwind(resolver, 2), 0);
	assert_int_equal(run_job(resolver, 2), 1);
	resolver_free(resolver);
}

static void an_unwind_is_dropped_after_its_job(void **state)
{
	struct resolver *resolver;

	(void)state;
	assert_int_equal(resolver_new(&resolver), 0);
	assert_int_equal(want_unwind(resolver, 1), 0);
	run_job(resolver, 0);
	assert_int_not_equal(want_unwind(resolver, 2), 0);
	resolver_drop_unwind(resolver, 1);
	assert_int_equal(want_unwind(resolver, 2), 0);
	assert_int_equal(run_job(resolver, 2), 1);
	resolver_free(resolver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_is_taken_once),
		cmocka_unit_test(an_unwind_is_dropped_before_its_job),
		cmocka_unit_test(an_unwind_is_dropped_during_its_job),
		cmocka_unit_test(an_unwind_is_dropped_after_its_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
