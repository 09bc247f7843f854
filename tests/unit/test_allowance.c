/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allowances (core/allowance.h): by a few cases, by random verdicts through it and through
 * a model, and by threads that race. The model is a list of all verdicts that took an
 * entry, searched from its beginning at each verdict.
 *
 * MAZE_SEED=N chooses the verdicts; a failure prints its seed.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/allowance.h"
#include "core/delivery.h"
#include "random.h"

static const struct maze_policy policy = { .hard_ns = 1, .hard_signal = SIGKILL };
static const struct maze_policy shadow = { .hard_ns = 1,
					   .hard_signal = SIGKILL,
					   .flags = MAZE_POLICY_SHADOW };

static bool permits(struct maze_allowance *allowance, maze_u64 key, maze_u64 ns)
{
	return maze_allowance_permits(allowance, &policy, 1, key, 0, ns);
}

static void an_allowance_enforces_so_many_keys_in_each_window(void **state)
{
	struct maze_allowance allowance = { .window_ns = 100, .max = 2 };

	(void)state;
	assert_true(permits(NULL, 1, 1));
	assert_true(permits(&allowance, 1, 1000));
	/* Soft verdicts and verdicts in shadow take nothing. */
	assert_true(maze_allowance_permits(&allowance, &policy, 0, 5, 0, 1001));
	assert_true(maze_allowance_permits(&allowance, &shadow, 1, 5, 0, 1001));
	assert_true(permits(&allowance, 2, 1099));
	/* Nor do further ones of a key that has an entry. */
	assert_true(permits(&allowance, 1, 1099));
	assert_true(permits(&allowance, 2, 1099));
	/* The first one has left the window; the second one leaves it at 1199. */
	assert_true(permits(&allowance, 3, 1100));
	assert_true(permits(&allowance, 2, 1198));
	assert_false(allowance.tripped);
	assert_false(permits(&allowance, 1, 1198));
	assert_true(allowance.tripped);
	/* It stays tripped, for soft verdicts and keys with an entry too. */
	assert_false(permits(&allowance, 3, 1198));
	assert_false(permits(&allowance, 1, 99999));
	assert_false(maze_allowance_permits(&allowance, &policy, 0, 1, 0, 99999));
	assert_true(maze_allowance_permits(&allowance, &shadow, 1, 1, 0, 99999));
	assert_int_equal(maze_delivery(&policy, 1, MAZE_DISPOSITION_KNOWN, 0).flags,
			 MAZE_RECORD_SHADOW | MAZE_RECORD_TRIPPED | MAZE_RECORD_FATAL);
}

/* Another CPU is between its two swaps. */
static void the_key_of_an_entry_that_is_being_taken_is_not_trusted(void **state)
{
	struct maze_allowance allowance = { .window_ns = 100, .max = 1 };

	(void)state;
	assert_true(permits(&allowance, 1, 1000));
	allowance.entries[0].taken_ns = 2 | MAZE_ALLOWANCE_CLAIMED;
	assert_true(permits(&allowance, 2, 2000));
	assert_false(permits(&allowance, 1, 2000));
	assert_int_equal(allowance.entries[0].taken_ns, 2 | MAZE_ALLOWANCE_CLAIMED);
}

static void a_key_is_the_process_or_its_cgroup(void **state)
{
	struct maze_allowance by_process = { .max = 1 }, by_cgroup = { .max = 1, .by_cgroup = 1 };

	(void)state;
	assert_int_equal(maze_allowance_key(NULL, 5, 7), 5);
	assert_int_equal(maze_allowance_key(&by_process, 5, 7), 5);
	assert_int_equal(maze_allowance_key(&by_cgroup, 5, 7), 7 | MAZE_ALLOWANCE_CGROUP);
	/* Unknown, and the root. */
	assert_int_equal(maze_allowance_key(&by_cgroup, 5, 0), 5);
	assert_int_equal(maze_allowance_key(&by_cgroup, 5, 1), 5);
	assert_true(maze_allowance_key(&by_cgroup, 5, ~0ULL) < MAZE_ALLOWANCE_CLAIMED);
}

/* A service that is restarted and loops again, in a cgroup that stayed, is another one. */
static void a_process_that_started_after_the_entry_takes_another(void **state)
{
	struct maze_allowance allowance = { .window_ns = 1000, .max = 2, .by_cgroup = 1 };
	const maze_u64 key = maze_allowance_key(&allowance, 5, 7);

	(void)state;
	assert_true(maze_allowance_permits(&allowance, &policy, 1, key, 900, 1000));
	assert_true(maze_allowance_permits(&allowance, &policy, 1, key, 1000, 1001));
	assert_int_equal(allowance.entries[1].taken_ns, 0);
	assert_true(maze_allowance_permits(&allowance, &policy, 1, key, 1002, 1003));
	assert_true(maze_allowance_permits(&allowance, &policy, 1, key, 1003, 1004));
	assert_false(maze_allowance_permits(&allowance, &policy, 1, key, 1005, 1006));
	assert_true(allowance.tripped);
}

static void an_allowance_keeps_its_state_unless_it_begins_anew(void **state)
{
	const struct maze_allowance now = { .window_ns = 100, .max = 2, .tripped = 1 };
	struct maze_allowance next = { .window_ns = 100, .max = 2 };

	(void)state;
	assert_true(maze_allowance_stays(&now, &next));
	next.anew = 1;
	assert_false(maze_allowance_stays(&now, &next));
	next = (struct maze_allowance){ .window_ns = 100, .max = 2, .by_cgroup = 1 };
	assert_false(maze_allowance_stays(&now, &next));
}

/* ---- the model ----------------------------------------------------------------------- */

#define VERDICTS 2000
#define ROUNDS 100

struct model {
	maze_u64 window_ns, max, count;
	bool tripped;
	struct {
		maze_u64 key, ns;
	} taken[VERDICTS];
};

static bool model_permits(struct model *model, maze_u64 key, maze_u64 ns)
{
	maze_u64 i, in_window = 0;

	if (model->tripped)
		return false;
	for (i = 0; i < model->count; i++) {
		if (model->taken[i].ns + model->window_ns <= ns)
			continue;
		if (model->taken[i].key == key)
			return true;
		in_window++;
	}
	model->tripped = in_window == model->max;
	if (model->tripped)
		return false;
	model->taken[model->count].key = key;
	model->taken[model->count++].ns = ns;
	return true;
}

static void random_verdicts_are_those_of_the_model(void **state)
{
	static struct model model;
	struct maze_allowance allowance;
	const char *seed = getenv("MAZE_SEED");
	maze_u64 ns, key, keys, wait, i;
	int round;

	(void)state;
	random_state = seed ? strtoull(seed, NULL, 0) : (maze_u64)time(NULL) * 2 + 1;
	print_message("MAZE_SEED=%llu\n", random_state);
	for (round = 0; round < ROUNDS; round++) {
		allowance = (struct maze_allowance){ .window_ns = 1 + roll(1000),
						     .max = 1 + (maze_u32)roll(64) };
		model.window_ns = allowance.window_ns;
		model.max = allowance.max;
		model.count = 0;
		model.tripped = false;
		keys = 1 + roll(2 * model.max);
		wait = 1 + 4 * model.window_ns / keys;
		for (i = 0, ns = 1; i < VERDICTS && !model.tripped; i++) {
			key = roll(keys);
			ns += roll(wait);
			assert_int_equal(permits(&allowance, key, ns),
					 model_permits(&model, key, ns));
			assert_int_equal(allowance.tripped, model.tripped);
		}
	}
}

/* ---- races --------------------------------------------------------------------------- */

#define RACERS 8
#define RACES 3000
#define RACE_MAX 3

static struct maze_allowance raced;
static pthread_barrier_t barrier;
/* Each key belongs to two threads. */
static bool permitted[RACERS];

static void *race(void *arg)
{
	size_t index = (size_t)(bool *)arg - (size_t)permitted;
	int i;

	for (i = 1; i <= RACES; i++) {
		pthread_barrier_wait(&barrier);
		permitted[index] = permits(&raced, index / 2, (maze_u64)i * 1000);
		pthread_barrier_wait(&barrier);
		/* The main thread looks at the result. */
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* The entries of the race before have left the window. */
static void no_more_than_max_keys_win_a_race(void **state)
{
	pthread_t threads[RACERS];
	int i, k, keys;

	(void)state;
	raced = (struct maze_allowance){ .window_ns = 500, .max = RACE_MAX };
	assert_int_equal(pthread_barrier_init(&barrier, NULL, RACERS + 1), 0);
	for (i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, &permitted[i]), 0);
	for (i = 1; i <= RACES; i++) {
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		for (k = 0, keys = 0; k < RACERS; k += 2)
			keys += permitted[k] || permitted[k + 1];
		assert_true(keys > 0 && keys <= RACE_MAX);
		/* Four keys: one of them finds no entry. */
		assert_true(raced.tripped);
		raced.tripped = 0;
		pthread_barrier_wait(&barrier);
	}
	for (i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allowance_enforces_so_many_keys_in_each_window),
		cmocka_unit_test(the_key_of_an_entry_that_is_being_taken_is_not_trusted),
		cmocka_unit_test(a_key_is_the_process_or_its_cgroup),
		cmocka_unit_test(a_process_that_started_after_the_entry_takes_another),
		cmocka_unit_test(an_allowance_keeps_its_state_unless_it_begins_anew),
		cmocka_unit_test(random_verdicts_are_those_of_the_model),
		cmocka_unit_test(no_more_than_max_keys_win_a_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
