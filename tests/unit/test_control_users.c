/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limits of each user of the control socket: connections, rate of requests, and log
 * messages.
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

static void each_user_has_a_quarter_of_the_connections(void **state)
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

static void the_last_quarter_belongs_to_root(void **state)
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

static void with_few_connections_a_user_still_has_one(void **state)
{
	(void)state;
	assert_non_null(enter(1, 1));
	assert_null(enter(0, 1));
	tear_down(NULL);
	assert_non_null(enter(1, 2));
	assert_null(enter(2, 2));
	assert_non_null(enter(0, 2));
}

static void idle_users_are_forgotten(void **state)
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
	/* Each user has just made a request. */
	assert_null(control_users_connect(&users, uid, false, 4 * CONTROL_USERS_MAX, BEGIN));
	assert_non_null(control_users_connect(&users, uid, false, 4 * CONTROL_USERS_MAX,
					      BEGIN + 2 * SECOND));
	assert_int_equal(users.count, CONTROL_USERS_MAX - 1);
	/* However many there are, root still has room. */
	assert_non_null(control_users_connect(&users, 0, true, 4 * CONTROL_USERS_MAX, BEGIN));
	assert_int_equal(users.count, CONTROL_USERS_MAX);
	/* The connected user was not forgotten. */
	assert_ptr_equal(
		control_users_connect(&users, 1, false, 4 * CONTROL_USERS_MAX, BEGIN + 2 * SECOND),
		busy);
}

/* Compared with an exact count: never more than burst plus rate in any interval. */
static void requests_are_limited_by_burst_and_rate(void **state)
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
		/* The returned wait suffices, and a millisecond less does not. */
		if (wait > 1000 && rand_r(&seed) % 2)
			assert_true(control_user_spend(user, cost, now + wait - 1000) > 0);
		now += wait;
		assert_int_equal(control_user_spend(user, cost, now), 0);
		taken += cost;
	}
	/* And not less than that either. */
	assert_true(taken + 12 >= 40 + (now - BEGIN) * 20 / SECOND);
}

static void idle_time_adds_no_more_than_a_burst(void **state)
{
	struct control_user *user = enter(1, 32);
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		assert_int_equal(control_user_spend(user, 1, BEGIN + 3600 * SECOND), 0);
	assert_true(control_user_spend(user, 1, BEGIN + 3600 * SECOND) > 0);
}

static void a_fault_is_logged_once(void **state)
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
		cmocka_unit_test_teardown(each_user_has_a_quarter_of_the_connections, tear_down),
		cmocka_unit_test_teardown(the_last_quarter_belongs_to_root, tear_down),
		cmocka_unit_test_teardown(with_few_connections_a_user_still_has_one, tear_down),
		cmocka_unit_test_teardown(idle_users_are_forgotten, tear_down),
		cmocka_unit_test_teardown(requests_are_limited_by_burst_and_rate, tear_down),
		cmocka_unit_test_teardown(idle_time_adds_no_more_than_a_burst, tear_down),
		cmocka_unit_test_teardown(a_fault_is_logged_once, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
