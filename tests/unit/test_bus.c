/* SPDX-License-Identifier: GPL-2.0-only */
/* The connection to the service manager, with managers that fail in each way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_manager.h"

#define WAIT_USEC 60000000ULL

struct got {
	unsigned int answers, signals, lost;
	int err;
	bool has_path;
	char name[64];
	struct bus *free_in_callback;
};

struct testing {
	sd_event *event;
	struct bus *bus;
	struct fake_manager fake;
	struct got got;
};

static int set_up(void **state)
{
	struct testing *testing = calloc(1, sizeof(*testing));

	if (sd_event_new(&testing->event) < 0)
		return -1;
	testing->fake = (struct fake_manager){ .event = testing->event, .result = "done" };
	*state = testing;
	return bus_new(testing->event, fake_connect, &testing->fake, &testing->bus);
}

static int tear_down(void **state)
{
	struct testing *testing = *state;

	bus_free(testing->bus);
	fake_leave(&testing->fake);
	sd_event_unref(testing->event);
	free(testing);
	return 0;
}

static void on_answer(void *arg, const struct bus_answer *answer)
{
	const char *path = NULL;
	struct got *got = arg;
	uint32_t id;

	got->answers++;
	got->err = answer->err;
	snprintf(got->name, sizeof(got->name), "%s", answer->name);
	got->has_path =
		answer->message && sd_bus_message_read(answer->message, "uo", &id, &path) > 0;
	assert_true(!answer->err || answer->text[0]);
	bus_free(got->free_in_callback);
	got->free_in_callback = NULL;
}

static int call(struct testing *testing, maze_u64 timeout_ns, struct bus_call **ret_call)
{
	const struct bus_method method = { BUS_MANAGER_PATH, BUS_MANAGER, "EnqueueUnitJob",
					   timeout_ns };

	return bus_call_method(testing->bus, &method, on_answer, &testing->got, ret_call, NULL,
			       "sss", "web.service", "try-restart", "fail");
}

/* Runs the loop until *number has this value. */
static void run_until(struct testing *testing, const unsigned int *number, unsigned int value)
{
	while (*number < value)
		assert_true(sd_event_run(testing->event, WAIT_USEC) > 0);
	assert_int_equal(*number, value);
}

static void calls_share_a_connection_that_opens_at_the_first(void **state)
{
	struct testing *testing = *state;

	assert_int_equal(testing->fake.opened, 0);
	assert_int_equal(call(testing, 0, NULL), 0);
	assert_int_equal(call(testing, 0, NULL), 0);
	run_until(testing, &testing->got.answers, 2);
	assert_int_equal(testing->got.err, 0);
	assert_true(testing->got.has_path);
	assert_int_equal(testing->fake.opened, 1);
	assert_string_equal(testing->fake.unit, "web.service");
}

static void an_idle_connection_is_closed(void **state)
{
	struct testing *testing = *state;

	assert_int_equal(call(testing, 0, NULL), 0);
	run_until(testing, &testing->got.answers, 1);
	while (sd_bus_is_open(testing->fake.connections[0]) > 0)
		assert_true(sd_event_run(testing->event, WAIT_USEC) > 0);
	assert_int_equal(call(testing, 0, NULL), 0);
	run_until(testing, &testing->got.answers, 2);
	assert_int_equal(testing->fake.opened, 2);
}

static void an_error_of_the_manager_has_its_name(void **state)
{
	struct testing *testing = *state;

	testing->fake.way = FAKE_REFUSES;
	assert_int_equal(call(testing, 0, NULL), 0);
	run_until(testing, &testing->got.answers, 1);
	assert_true(testing->got.err < 0);
	assert_string_equal(testing->got.name, "org.freedesktop.systemd1.NoSuchUnit");
}

/* Each of these ends the connection, and the next call opens another. */
static void a_broken_connection_fails_its_calls_and_opens_again(void **state)
{
	static const enum fake_way ways[] = { FAKE_CLOSES, FAKE_BYTES, FAKE_SILENT, FAKE_MUTE };
	struct testing *testing = *state;
	unsigned int i, answers = 0;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		testing->fake.way = ways[i];
		assert_int_equal(call(testing, 50 * MAZE_NSEC_PER_MSEC, NULL), 0);
		/* Its own time-out is not the first. */
		assert_int_equal(call(testing, 0, NULL), 0);
		answers += 2;
		run_until(testing, &testing->got.answers, answers);
		assert_true(testing->got.err < 0);
		testing->fake.way = FAKE_DONE;
		assert_int_equal(call(testing, 0, NULL), 0);
		run_until(testing, &testing->got.answers, ++answers);
		assert_int_equal(testing->got.err, 0);
		assert_int_equal(testing->fake.opened, i + 2);
		testing->fake.opened = i + 1;
		bus_free(testing->bus);
		fake_leave(&testing->fake);
		assert_int_equal(
			bus_new(testing->event, fake_connect, &testing->fake, &testing->bus), 0);
	}
}

static void without_a_manager_a_call_fails_at_once(void **state)
{
	struct testing *testing = *state;

	testing->fake.way = FAKE_GONE;
	assert_int_equal(call(testing, 0, NULL), -ECONNREFUSED);
	assert_int_equal(testing->got.answers, 0);
}

static void a_cancelled_call_has_no_answer(void **state)
{
	struct testing *testing = *state;
	struct bus_call *cancelled = NULL;

	assert_int_equal(call(testing, 0, &cancelled), 0);
	bus_call_cancel(cancelled);
	assert_int_equal(call(testing, 0, NULL), 0);
	run_until(testing, &testing->got.answers, 1);
	assert_int_equal(testing->fake.calls, 2);
}

static void the_number_of_calls_is_bounded(void **state)
{
	struct testing *testing = *state;
	unsigned int i;

	testing->fake.way = FAKE_SILENT;
	for (i = 0; i < BUS_CALLS_MAX; i++)
		assert_int_equal(call(testing, 0, NULL), 0);
	assert_int_equal(call(testing, 0, NULL), -EBUSY);
}

static void the_connection_may_be_freed_in_a_callback(void **state)
{
	static const enum fake_way ways[] = { FAKE_DONE, FAKE_CLOSES, FAKE_SILENT };
	struct testing *testing = *state;
	unsigned int i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		testing->fake.way = ways[i];
		testing->got = (struct got){ .free_in_callback = testing->bus };
		assert_int_equal(call(testing, 50 * MAZE_NSEC_PER_MSEC, NULL), 0);
		assert_int_equal(call(testing, 50 * MAZE_NSEC_PER_MSEC, NULL), 0);
		run_until(testing, &testing->got.answers, 1);
		fake_leave(&testing->fake);
		assert_int_equal(
			bus_new(testing->event, fake_connect, &testing->fake, &testing->bus), 0);
	}
}

static void on_signal(void *arg, sd_bus_message *message)
{
	struct got *got = arg;

	if (message)
		got->signals++;
	else
		got->lost++;
}

static void a_subscription_outlasts_its_connection(void **state)
{
	struct testing *testing = *state;
	struct bus_subscription reloads = { .path = BUS_MANAGER_PATH,
					    .interface = BUS_MANAGER,
					    .member = "JobRemoved",
					    .on_signal = on_signal,
					    .arg = &testing->got };

	assert_int_equal(bus_subscribe(testing->bus, &reloads), 0);
	assert_int_equal(call(testing, 0, NULL), 0);
	run_until(testing, &testing->got.signals, 2);
	assert_int_equal(testing->got.lost, 0);
	/* The connection opens again without a call. */
	fake_leave(&testing->fake);
	run_until(testing, &testing->got.lost, 1);
	assert_int_equal(testing->fake.opened, 2);
	assert_int_equal(call(testing, 0, NULL), 0);
	run_until(testing, &testing->got.signals, 4);
	bus_unsubscribe(&reloads);
	fake_leave(&testing->fake);
	assert_int_equal(call(testing, 0, NULL), 0);
	run_until(testing, &testing->got.answers, 3);
	assert_int_equal(testing->got.signals, 4);
	assert_int_equal(testing->got.lost, 1);
}

static void a_subscription_waits_for_a_manager(void **state)
{
	struct testing *testing = *state;
	struct bus_subscription reloads = { .path = BUS_MANAGER_PATH,
					    .interface = BUS_MANAGER,
					    .member = "JobRemoved",
					    .on_signal = on_signal,
					    .arg = &testing->got };

	testing->fake.way = FAKE_GONE;
	assert_int_equal(bus_subscribe(testing->bus, &reloads), 0);
	testing->fake.way = FAKE_DONE;
	run_until(testing, &testing->got.lost, 1);
	assert_int_equal(testing->fake.opened, 1);
	bus_unsubscribe(&reloads);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(calls_share_a_connection_that_opens_at_the_first),
		T(an_idle_connection_is_closed),
		T(an_error_of_the_manager_has_its_name),
		T(a_broken_connection_fails_its_calls_and_opens_again),
		T(without_a_manager_a_call_fails_at_once),
		T(a_cancelled_call_has_no_answer),
		T(the_number_of_calls_is_bounded),
		T(the_connection_may_be_freed_in_a_callback),
		T(a_subscription_outlasts_its_connection),
		T(a_subscription_waits_for_a_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
