/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workers that do not answer: they are late, left behind and counted, and another worker
 * does the next job. A stopped worker (SIGSTOP) stands in for one in an uninterruptible
 * sleep.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "incident_case.h"

#include <dirent.h>
#include <errno.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../../evidence/collector.h"
#include "../../evidence/symbols/symbolizer.h"
#include "../../evidence/isolation/worker.h"

#define DEADLINE_NS (100 * MAZE_NSEC_PER_MSEC)
#define STEP_NS MAZE_NSEC_PER_SEC
#define ANY_WAIT_MS 60000
#define TURN_MS 50

static bool await_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, ANY_WAIT_MS) > 0;
}

/* ---- a worker ------------------------------------------------------------------------------ */

static void echo(int fd, void *arg)
{
	char byte;

	(void)arg;
	while (recv(fd, &byte, 1, 0) == 1)
		send(fd, &byte, 1, 0);
}

/* It does not end when its socket closes. */
static void sleep_on(int fd, void *arg)
{
	(void)fd;
	(void)arg;
	for (;;)
		pause();
}

static void send_byte(struct worker *worker, char byte)
{
	struct iovec part = { &byte, 1 };

	assert_int_equal(worker_send(worker, &part, 1), 0);
	worker_expect(worker, 0);
}

static void a_worker_that_answers_is_not_late(void **state)
{
	struct workers_left left = { .count = 0 };
	struct worker worker;
	char byte = 0;

	(void)state;
	assert_int_equal(worker_start(echo, NULL, NULL, 0, &worker), 0);
	send_byte(&worker, 'x');
	assert_true(await_readable(worker.fd));
	assert_int_equal(worker_receive(&worker, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	worker_expect_nothing(&worker);
	assert_false(worker_is_late(&worker, 0, STEP_NS));
	assert_int_equal(worker_receive(&worker, &byte, 1), -EAGAIN);
	worker_leave(&worker, false, 1, &left);
	while (workers_left_reap(&left))
		poll(NULL, 0, 1);
}

static void a_worker_that_does_not_answer_is_late_and_replaced(void **state)
{
	struct workers_left left = { .count = 0 };
	struct worker first, second;
	char byte;

	(void)state;
	assert_int_equal(worker_start(sleep_on, NULL, NULL, 0, &first), 0);
	send_byte(&first, 'x');
	assert_false(worker_is_late(&first, 3600 * MAZE_NSEC_PER_SEC, STEP_NS));
	while (!worker_is_late(&first, DEADLINE_NS, STEP_NS))
		poll(NULL, 0, 10);
	assert_int_equal(worker_start(echo, NULL, NULL, 0, &second), 0);
	worker_leave(&first, true, 1, &left);
	send_byte(&second, 'y');
	assert_true(await_readable(second.fd));
	assert_int_equal(worker_receive(&second, &byte, 1), 1);
	worker_leave(&second, true, 1, &left);
	while (workers_left_reap(&left))
		poll(NULL, 0, 1);
}

/* An hour in which this process was stopped counts as one step. */
static void a_pause_of_the_machine_makes_no_worker_late(void **state)
{
	struct workers_left left = { .count = 0 };
	struct worker worker;

	(void)state;
	assert_int_equal(worker_start(sleep_on, NULL, NULL, 0, &worker), 0);
	send_byte(&worker, 'x');
	worker.checked_ns -= 3600 * MAZE_NSEC_PER_SEC;
	assert_false(worker_is_late(&worker, 10 * MAZE_NSEC_PER_SEC, STEP_NS));
	worker_leave(&worker, true, 1, &left);
	while (workers_left_reap(&left))
		poll(NULL, 0, 1);
}

static void the_number_of_workers_left_behind_is_bounded(void **state)
{
	const maze_u32 other = geteuid() + 1;
	struct workers_left left = { .count = 0 };
	struct worker worker;
	size_t i;

	(void)state;
	for (i = 0; i < WORKERS_LEFT_OWN_MAX; i++) {
		assert_int_equal(workers_left_allow(&left, other), i < WORKERS_LEFT_MAX);
		assert_true(workers_left_allow(&left, geteuid()));
		assert_int_equal(worker_start(sleep_on, NULL, NULL, 0, &worker), 0);
		/* Not killed, so that it stays, like a process that cannot be killed. */
		worker_leave(&worker, false, i ? geteuid() : other, &left);
		assert_int_equal(workers_left_reap(&left), i + 1);
	}
	assert_false(workers_left_allow(&left, geteuid()));
	assert_true(workers_left_by(&left, other));
	assert_int_equal(pidfd_send_signal(left.worker[0].pidfd, SIGKILL, NULL, 0), 0);
	while (workers_left_reap(&left) == WORKERS_LEFT_OWN_MAX)
		poll(NULL, 0, 1);
	assert_false(workers_left_by(&left, other));
	assert_true(workers_left_allow(&left, geteuid()));
	for (i = 0; i < left.count; i++)
		pidfd_send_signal(left.worker[i].pidfd, SIGKILL, NULL, 0);
	while (workers_left_reap(&left))
		poll(NULL, 0, 1);
}

/* ---- the collector ------------------------------------------------------------------------- */

/* The newest child of this process; 0: there is none. */
static pid_t newest_child(void)
{
	char path[64], line[256];
	FILE *children;
	pid_t pid = 0, next;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	children = fopen(path, "re");
	if (children && fgets(line, sizeof(line), children)) {
		char *at = line, *end;

		while ((next = (pid_t)strtol(at, &end, 10)) > 0) {
			pid = next;
			at = end;
		}
	}
	if (children)
		fclose(children);
	return pid;
}

/* The collector's messages; one call may add several. */
struct reports {
	struct incident_messages messages;
	size_t next; /* the first that was not read */
};

/*
 * Waits until a further message has that part; false: not within a minute, nor in the turns
 * of a minute, of which a pause of the machine is one.
 */
static bool collect_until(struct collector *collector, struct reports *reports, const char *part)
{
	const maze_u64 until_ns = now_ns(CLOCK_MONOTONIC) + ANY_WAIT_MS * MAZE_NSEC_PER_MSEC;
	const struct incident_messages *messages = &reports->messages;
	int turns, wait_ms;

	for (turns = 0; turns < ANY_WAIT_MS / TURN_MS || now_ns(CLOCK_MONOTONIC) < until_ns;
	     turns++) {
		struct pollfd poll_fd = { .fd = collector_fd(collector), .events = POLLIN };

		while (reports->next < messages->count) {
			if (strstr(messages->message[reports->next++].text, part))
				return true;
			print_message("not \"%s\": %s\n", part,
				      messages->message[reports->next - 1].text);
		}
		wait_ms = collector_work(collector, &reports->messages);
		reports->next = 0;
		if (messages->count)
			continue;
		poll(&poll_fd, 1, wait_ms < 0 || wait_ms > TURN_MS ? TURN_MS : wait_ms);
	}
	return false;
}

static json_t *load_only(const char *dir)
{
	json_t *incident = load_any(dir);

	assert_non_null(incident);
	return incident;
}

static void a_worker_that_hangs_loses_no_incident(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_record soft = case_record(getpid(), MAZE_EVENT_SOFT);
	struct collector *collector = NULL;
	struct reports reports = { .next = 0 };
	struct maze_error error = { "" };
	json_t *incident;
	pid_t worker;

	if (collector_open(&options, &collector, &error))
		fail_msg("%s", error.text);
	worker = newest_child();
	if (!worker) {
		collector_close(collector, NULL);
		skip();
	}
	/* It reports that it is idle, which is read when the record waits to be sent. */
	assert_true(await_readable(collector_fd(collector)));
	assert_int_equal(kill(worker, SIGSTOP), 0);
	assert_int_equal(waitpid(worker, NULL, WUNTRACED), worker);
	collector_record(collector, &soft, "bpf", "spinners", &case_policy);
	assert_true(collect_until(collector, &reports, "has not answered in time"));
	assert_true(collect_until(collector, &reports, "incident 2"));
	/* The next incident belongs to the same worker. */
	soft.event = MAZE_EVENT_HARD;
	collector_record(collector, &soft, "bpf", "spinners", &case_policy);
	collector_close(collector, NULL);
	incident = load_only(options.dir);
	assert_note(incident, "was not read");
	assert_int_equal(json_array_size(get(incident, "records")), 2);
	assert_string_equal(text(incident, "rule"), "spinners");
	json_decref(incident);
}

static void a_worker_that_dies_loses_no_incident(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_record soft = case_record(getpid(), MAZE_EVENT_SOFT);
	struct collector *collector = NULL;
	struct reports reports = { .next = 0 };
	json_t *incident;
	pid_t worker;

	assert_int_equal(collector_open(&options, &collector, NULL), 0);
	worker = newest_child();
	if (!worker) {
		collector_close(collector, NULL);
		skip();
	}
	kill(worker, SIGKILL);
	collector_record(collector, &soft, "bpf", NULL, &case_policy);
	assert_true(collect_until(collector, &reports, "has ended early"));
	assert_true(collect_until(collector, &reports, "incident 2"));
	collector_close(collector, NULL);
	incident = load_only(options.dir);
	json_decref(incident);
}

/*
 * A worker that does not keep up: the stacks and names of a flood leave room for its
 * records, without which no incident is written.
 */
static void a_flood_of_process_infos_leaves_room_for_records(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_record soft = case_record(GONE, MAZE_EVENT_SOFT);
	struct maze_process_info recorded = { .pid = GONE, .tid = GONE, .uid = geteuid() };
	struct collector *collector = NULL;
	struct reports reports = { .next = 0 };

	assert_int_equal(collector_open(&options, &collector, NULL), 0);
	/* Nothing is sent before collector_work(). */
	for (recorded.episode = 0; recorded.episode < 1000; recorded.episode++)
		collector_process_info(collector, &recorded);
	for (soft.episode = 0; soft.episode < 10; soft.episode++)
		collector_record(collector, &soft, "bpf", NULL, &case_policy);
	assert_true(collect_until(collector, &reports, "incident 2"));
	/* Of other episodes than those in the full table. */
	soft.episode = 5000;
	collector_record(collector, &soft, "bpf", NULL, &case_policy);
	assert_true(collect_until(collector, &reports, "-5000"));
	collector_close(collector, NULL);
}

/* Nothing is sent before collector_work(), and the queue takes 512 messages. */
static void incidents_that_no_worker_gets_are_reported(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept") };
	struct maze_record soft = case_record(GONE, MAZE_EVENT_SOFT);
	struct collector *collector = NULL;
	struct reports reports = { .next = 0 };

	assert_int_equal(collector_open(&options, &collector, NULL), 0);
	for (soft.episode = 0; soft.episode < 512 + 3; soft.episode++)
		collector_record(collector, &soft, "bpf", NULL, &case_policy);
	assert_true(collect_until(collector, &reports, "3 more incidents are lost"));
	collector_close(collector, NULL);
}

/* Two users, one of whom floods; the names are their users. */
static void users_have_tables_of_their_own(void **state)
{
	const struct loop_place *place = *state;
	struct incidents_options options = { .dir = in_place(place, "kept"), .shared = true };
	struct maze_record soft = case_record(GONE, MAZE_EVENT_SOFT);
	struct collector *collector = NULL;
	struct reports reports = { .next = 0 };
	char expected[64];

	assert_int_equal(collector_open(&options, &collector, NULL), 0);
	soft.uid = geteuid() + 1;
	for (soft.tid = GONE; soft.tid < GONE + 2 * INCIDENTS_OPEN_USER; soft.tid++)
		collector_record(collector, &soft, "bpf", NULL, &case_policy);
	soft.uid = geteuid();
	soft.tid = 1;
	collector_record(collector, &soft, "bpf", NULL, &case_policy);
	snprintf(expected, sizeof(expected), "more than %d incidents of user id %u",
		 INCIDENTS_OPEN_USER, geteuid() + 1);
	assert_true(collect_until(collector, &reports, expected));
	snprintf(expected, sizeof(expected), "ls kept | grep -q -- '-%d-1-0.json$'", GONE);
	/* Open incidents are written at the end. */
	collector_close(collector, NULL);
	loop_shell(place, expected);
	snprintf(expected, sizeof(expected), "ls kept | grep -q -- '-0-u%u.json$'", geteuid() + 1);
	loop_shell(place, expected);
}

/* ---- the helper for names ----------------------------------------------------------- */

static void count_end(void *arg)
{
	++*(unsigned int *)arg;
}

static void ignore_restricted(void *arg)
{
	(void)arg;
}

static void ignore_failed(void *arg, int err)
{
	(void)arg;
	(void)err;
}

static void ignore_named(void *arg, size_t query, const struct symbol *symbols, size_t count)
{
	(void)arg;
	(void)query;
	(void)symbols;
	(void)count;
}

/* It reads a pipe without data. */
static void a_helper_that_hangs_is_late(void **state)
{
	const struct symbolizer_events events = { .named = ignore_named,
						  .restricted = ignore_restricted,
						  .ended = count_end,
						  .failed = ignore_failed };
	const struct symbolizer_query query = { .kind = SYMBOLIZER_KERNEL, .at = 1 };
	struct symbolizer_job job = {
		.queries = &query, .queries_count = 1, .perf_map_fd = -1, .seconds_max = 1
	};
	struct symbolizer *hangs, *next;
	unsigned int ended = 0;
	int silent[2], got;

	(void)state;
	assert_int_equal(pipe2(silent, O_CLOEXEC), 0);
	job.kallsyms_fd = silent[0];
	assert_int_equal(symbolizer_start(&job, &hangs), 0);
	while ((got = symbolizer_read(hangs, &events, &ended)) > 0)
		poll(NULL, 0, 10);
	assert_int_equal(got, -ETIME);
	symbolizer_stop(hangs);
	/* The next is not held up by it. */
	job.kallsyms_fd = -1;
	job.queries_count = 0;
	job.seconds_max = 0;
	assert_int_equal(symbolizer_start(&job, &next), 0);
	while (symbolizer_read(next, &events, &ended) > 0)
		poll(NULL, 0, 1);
	assert_int_equal(ended, 1);
	symbolizer_stop(next);
	while (!symbolizer_reap(next))
		poll(NULL, 0, 1);
	while (!symbolizer_reap(hangs))
		poll(NULL, 0, 1);
	close(silent[0]);
	close(silent[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_that_answers_is_not_late),
		cmocka_unit_test(a_worker_that_does_not_answer_is_late_and_replaced),
		cmocka_unit_test(a_pause_of_the_machine_makes_no_worker_late),
		cmocka_unit_test(the_number_of_workers_left_behind_is_bounded),
		IN_PLACE(a_worker_that_hangs_loses_no_incident),
		IN_PLACE(a_worker_that_dies_loses_no_incident),
		IN_PLACE(a_flood_of_process_infos_leaves_room_for_records),
		IN_PLACE(incidents_that_no_worker_gets_are_reported),
		IN_PLACE(users_have_tables_of_their_own),
		cmocka_unit_test(a_helper_that_hangs_is_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
