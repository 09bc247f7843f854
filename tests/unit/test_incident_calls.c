/* SPDX-License-Identifier: GPL-2.0-only */
/* The slices of system calls in an incident. */
#include "call_case.h"

#include "../../evidence/collector_users.h"

/*
 * Works until no slice is to come. Returns whether the child has used CPU time in the second
 * one, by its own clock.
 */
static bool work_until_sliced(struct collector *collector, pid_t pid, bool *ret_began)
{
	const struct slice_request *request = &collector->calls.requests[0];
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS, first_ns = 0, last_ns = 0;
	struct incident_messages messages;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	for (; request->state; poll(NULL, 0, 5)) {
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		collector_work(collector, &messages);
		/* Only the first slice is followed by a pause. */
		if (request->state != SLICE_RUNS || request->pause_ns)
			continue;
		*ret_began = true;
		last_ns = now_ns(clock);
		if (!first_ns)
			first_ns = last_ns;
	}
	return last_ns > first_ns;
}

/*
 * An incident with the system calls of a child. NULL: the child had no CPU time for its
 * second slice, as far as is known. *ret_began: it has begun.
 */
static json_t *incident_with_slices(const char *dir, bool *ret_began)
{
	struct incidents_options options = { .dir = dir, .calls_cpu_ns = LIMIT_NS };
	struct maze_policy policy = case_policy;
	struct collector *collector = NULL;
	struct incident_messages messages;
	struct maze_record soft;
	json_t *incident = NULL;
	pid_t pid;

	assert_int_equal(collector_open(&options, &collector, NULL), 0);
	collector_work(collector, &messages);
	assert_int_equal(attached(), 0);
	policy.hard_ns = policy.soft_ns + 200 * MS;
	pid = run(close_many);
	soft = case_record(pid, MAZE_EVENT_SOFT);
	collector_record(collector, &soft, "poll", NULL, &policy);
	if (work_until_sliced(collector, pid, ret_began)) {
		/* On a very busy machine it has only the reason why the first one is missing. */
		incident = collect_key(collector, dir, "system_calls.1",
				       "System calls were not counted: ");
		assert_non_null(incident);
	}
	assert_int_equal(attached(), 0);
	collector_close(collector, NULL);
	loop_stop(pid);
	return incident;
}

static void an_incident_has_two_slices(void **state)
{
	maze_u64 until = now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	json_t *incident, *row;
	bool began = false;
	int number = 0;
	char name[32];

	counter_or_skip();
	do {
		if (began && now_ns(CLOCK_MONOTONIC) >= until)
			skip_because("no child had CPU time for its second slice");
		assert_true(now_ns(CLOCK_MONOTONIC) < until);
		snprintf(name, sizeof(name), "kept-%d", number++);
		incident = incident_with_slices(in_place(*state, name), &began);
	} while (!incident);
	/* On a very busy machine the child may not run in time. */
	if (has_note(incident, "System calls were not counted: "))
		skip_because("%s", text(incident, "notes.0"));
	row = get(incident, "system_calls.0.rows.0");
	assert_string_equal(text(row, "name"), "close");
	assert_string_equal(text(row, "error"), "EBADF");
	assert_int_equal(json_integer_value(get(row, "number")), SYS_close);
	assert_in_range(json_integer_value(get(row, "fd")), 1000, 1099);
	assert_true(json_integer_value(get(incident, "system_calls.0.calls")) >=
		    json_integer_value(get(row, "calls")));
	assert_non_null(get(incident, "system_calls.1"));
	assert_true(strcmp(text(incident, "system_calls.0.time"),
			   text(incident, "system_calls.1.time")) < 0);
	json_decref(incident);
}

static void a_missing_slice_has_a_reason(void **state)
{
	struct incidents_options options = { .dir = in_place(*state, "kept"),
					     .calls_cpu_ns = LIMIT_NS };
	struct maze_record soft = case_record(GONE, MAZE_EVENT_SOFT);
	struct collector *collector = NULL;
	json_t *incident;

	assert_int_equal(collector_open(&options, &collector, NULL), 0);
	collector_record(collector, &soft, "poll", NULL, &case_policy);
	incident = collect_key(collector, options.dir, "system_calls.0",
			       "System calls were not counted: ");
	assert_non_null(incident);
	json_decref(incident);
	collector_close(collector, NULL);
}

int main(int argc, char **argv)
{
	(void)argv;
	must_run = argc > 1;
	const struct CMUnitTest tests[] = {
		IN_PLACE(an_incident_has_two_slices),
		IN_PLACE(a_missing_slice_has_a_reason),
	};

	return cmocka_run_group_tests(tests, load_counter, drop_counter);
}
