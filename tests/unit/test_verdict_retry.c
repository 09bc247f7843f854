/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A verdict of the bpf engine that was dropped while its signal was to be tried again must
 * not let a later verdict pass the allowance. The kernel is not often busy, so the test
 * writes the number of attempts into the engine's state of a task that sleeps.
 */
#include <bpf/bpf.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/bpf/engine_bpf.h"
#include "lib/maze.h"
#include "skip.h"
#include "spinning.h"

#define TAG 0x3302

static void watch(struct engine *engine, int pidfd)
{
	const struct maze_allowance tripped = { .window_ns = MAZE_NSEC_PER_SEC,
						.max = 1,
						.tripped = 1 };
	struct engine_target target = { .pidfd = pidfd };
	struct engine_claim claim = { TAG, 0 };
	struct maze_policy policy;

	maze_policy_default(&policy);
	/* No yield-probe service runs here, so a verdict would wait for the probe. */
	policy.flags |= MAZE_POLICY_YIELD_COUNTS;
	policy.soft_ns = 50 * MAZE_NSEC_PER_MSEC;
	policy.hard_ns = 100 * MAZE_NSEC_PER_MSEC;
	assert_int_equal(engine_bpf.allow(engine, TAG, &tripped, NULL), 0);
	assert_int_equal(engine_bpf.watch(engine, &target, &policy, &claim, NULL), 0);
}

static void leave_attempts(struct engine *engine, int pidfd)
{
	int map = engine->fds[OBJECT_TASKS];
	struct maze_task task;

	assert_int_equal(bpf_map_lookup_elem(map, &pidfd, &task), 0);
	task.retries = 1;
	assert_int_equal(bpf_map_update_elem(map, &pidfd, &task, BPF_EXIST), 0);
}

static void assert_verdict_in_shadow(struct engine_reader *reader, maze_u16 event)
{
	struct pollfd fd = { .fd = engine_bpf.reader_fd(reader), .events = POLLIN };
	struct maze_record record = { 0 };

	while (record.event != event)
		if (engine_bpf.reader_next(reader, &record) != 1)
			assert_true(poll(&fd, 1, WAIT_SECONDS * 1000) > 0);
	assert_true(record.flags & MAZE_RECORD_TRIPPED);
}

static void attempts_of_a_dropped_verdict_do_not_count_for_another(void **state)
{
	struct maze_error error = { "" };
	struct engine_reader *reader;
	struct engine *engine;
	int go[2], pidfd;
	pid_t pid;

	(void)state;
	if (engine_bpf.open(ENGINE_PRIVATE, &engine, &error))
		skip_because("%s", error.text);
	assert_int_equal(engine_bpf.reader_open(engine, false, &reader, &error), 0);
	assert_int_equal(pipe(go), 0);
	pid = start_spinning(go[0]);
	close(go[0]);
	pidfd = pidfd_open(pid, 0);
	assert_true(pidfd >= 0);
	watch(engine, pidfd);
	leave_attempts(engine, pidfd);
	close(go[1]);
	assert_verdict_in_shadow(reader, MAZE_EVENT_SOFT);
	assert_verdict_in_shadow(reader, MAZE_EVENT_HARD);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pidfd);
	engine_bpf.reader_close(reader);
	engine_bpf.close(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attempts_of_a_dropped_verdict_do_not_count_for_another),
	};

	return cmocka_run_group_tests_name("verdict retry", tests, NULL, NULL);
}
