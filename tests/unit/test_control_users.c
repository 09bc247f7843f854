/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each user of the control socket has left: connections, requests by rate, and
 * sentences in the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/control/control_users.h"

#define SECOND 1000000ULL
#define BEGIN (5 * SECOND)

static struct control_users users;

static int tear_down(void **state)
{
	(void)state;
	control_users_done(&users);
	memset(&users, 0, sizeof(users));
	return 0;
}

static struct control_user *enter(uid_t uid, unsigned int max)
{
	return control_users_connect(&users, uid, uid == 0, max, BEGIN);
}

static void test_a_quarter_each(void **state)
{
	struct control_user *user;
	int i;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_non_null(enter(1, 32));
	assert_null(enter(1, 32));
	user = enter(2, 32);
	assert_non_null(user);
	assert_int_equal(user->connections, 1);
	control_users_disconnect(&users, user);
	assert_int_equal(user->connections, 0);
	assert_int_equal(users.connections, 8);
}

static void test_the_last_quarter_is_roots(void **state)
{
	uid_t uid;
	int i;

	(void)state;
	for (uid = 1; uid <= 3; uid++)
		for (i = 0; i < 8; i++)
			assert_non_null(enter(uid, 32));
	assert_null(enter(4, 32));
	for (i = 0; i < 8; i++)
		assert_non_null(enter(0, 32));
	assert_null(enter(0, 32));
}

static void test_few_connections(void **state)
{
	(void)state;
	assert_non_null(enter(1, 1));
	assert_null(enter(0, 1));
	tear_down(NULL);
	assert_non_null(enter(1, 2));
	assert_null(enter(2, 2));
	assert_non_null(enter(0, 2));
}

static void test_users_are_forgotten_when_rested(void **state)
{
	struct control_user *user, *busy = NULL;
	uid_t uid;

	(void)state;
	for (uid = 1; uid < CONTROL_USERS_MAX; uid++) {
		user = control_users_connect(&users, uid, false, 4 * CONTROL_USERS_MAX, BEGIN);
		assert_non_null(user);
		assert_int_equal(control_user_spend(user, 1, BEGIN), 0);
		if (uid == 1)
			busy = user;
		else
			control_users_disconnect(&users, user);
	}
	/* All have spent something just now. */
	assert_null(control_users_connect(&users, uid, false, 4 * CONTROL_USERS_MAX, BEGIN));
	assert_non_null(control_users_connect(&users, uid, false, 4 * CONTROL_USERS_MAX,
					      BEGIN + 2 * SECOND));
	assert_int_equal(users.count, CONTROL_USERS_MAX - 1);
	/* However many there are, there is a place for root. */
	assert_non_null(control_users_connect(&users, 0, true, 4 * CONTROL_USERS_MAX, BEGIN));
	assert_int_equal(users.count, CONTROL_USERS_MAX);
	/* Who is connected was not. */
	assert_ptr_equal(
		control_users_connect(&users, 1, false, 4 * CONTROL_USERS_MAX, BEGIN + 2 * SECOND),
		busy);
}

/* Against a count that cannot go wrong: never more than burst and rate in any time. */
static void test_rate(void **state)
{
	struct control_user *user = enter(1, 32);
	uint64_t now = BEGIN, wait, taken = 0;
	unsigned int seed = 4, cost;

	(void)state;
	while (now < BEGIN + 600 * SECOND) {
		cost = rand_r(&seed) % 12 + 1;
		wait = control_user_spend(user, cost, now);
		if (!wait) {
			taken += cost;
			assert_true(taken <= 40 + (now - BEGIN) * 20 / SECOND);
			continue;
		}
		/* As long as said suffices, and a millisecond less does not. */
		if (wait > 1000 && rand_r(&seed) % 2)
			assert_true(control_user_spend(user, cost, now + wait - 1000) > 0);
		now += wait;
		assert_int_equal(control_user_spend(user, cost, now), 0);
		taken += cost;
	}
	/* And no less than that either. */
	assert_true(taken + 12 >= 40 + (now - BEGIN) * 20 / SECOND);
}

static void test_rest_is_not_saved_up(void **state)
{
	struct control_user *user = enter(1, 32);
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		assert_int_equal(control_user_spend(user, 1, BEGIN + 3600 * SECOND), 0);
	assert_true(control_user_spend(user, 1, BEGIN + 3600 * SECOND) > 0);
}

static void test_a_fault_is_said_once(void **state)
{
	struct control_user *user = enter(1, 32);
	unsigned int suppressed = 7;

	(void)state;
	assert_true(control_user_fault(user, CONTROL_FAULT_RATE, BEGIN, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_false(control_user_fault(user, CONTROL_FAULT_RATE, BEGIN + SECOND, &suppressed));
	assert_false(
		control_user_fault(user, CONTROL_FAULT_RATE, BEGIN + 599 * SECOND, &suppressed));
	assert_true(control_user_fault(user, CONTROL_FAULT_GARBAGE, BEGIN + SECOND, &suppressed));
	assert_true(
		control_user_fault(user, CONTROL_FAULT_RATE, BEGIN + 600 * SECOND, &suppressed));
	assert_int_equal(suppressed, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_a_quarter_each, tear_down),
		cmocka_unit_test_teardown(test_the_last_quarter_is_roots, tear_down),
		cmocka_unit_test_teardown(test_few_connections, tear_down),
		cmocka_unit_test_teardown(test_users_are_forgotten_when_rested, tear_down),
		cmocka_unit_test_teardown(test_rate, tear_down),
		cmocka_unit_test_teardown(test_rest_is_not_saved_up, tear_down),
		cmocka_unit_test_teardown(test_a_fault_is_said_once, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
