/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A context switch that the bpf engine is not told of, as where a kernel shows no events
 * of some task: the watched task it lets run is caught all the same, and the timer that
 * looks for it does not go on for ever. The handler of switches is taken off for that.
 */
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/bpf/engine_bpf.h"
#include "lib/maze.h"
#include "maze.skel.h"

/* The last CPU: whatever else the machine does tends to be on the first. */
static long cpu;
static struct engine *engine;
static struct engine_reader *reader;
static pid_t spinner, hog;

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void sleep_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* A child that burns that CPU; real_time: and lets no other run there. */
static pid_t start_spinning(bool real_time)
{
	struct sched_param low = { .sched_priority = 1 };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(60);
	/* Or the engine's links would live as long as we. */
	close_range(3, ~0U, 0);
	pin();
	if (real_time && sched_setscheduler(0, SCHED_FIFO, &low))
		_exit(77);
	for (;;)
		;
}

static void end_child(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static int set_up(void **state)
{
	struct engine_error error = { "" };

	cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	if (engine_bpf.open(ENGINE_PRIVATE, &engine, &error)) {
		print_message("bpf cannot run here: %s\n", error.text);
		engine = NULL;
		return 0;
	}
	*state = engine;
	return engine_bpf.reader_open(engine, false, &reader, &error);
}

static int tear_down(void **state)
{
	(void)state;
	end_child(&spinner);
	end_child(&hog);
	if (!engine)
		return 0;
	engine_bpf.reader_close(reader);
	engine_bpf.close(engine);
	return 0;
}

static void watch_spinner(void)
{
	struct engine_target target = { .pidfd = pidfd_open(spinner, 0) };
	struct engine_claim claim = { 0, 0 };
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = 200 * MAZE_NSEC_PER_MSEC;
	policy.hard_ns = 0;
	assert_true(target.pidfd >= 0);
	assert_int_equal(engine_bpf.watch(engine, &target, &policy, &claim, NULL), 0);
	close(target.pidfd);
}

static void stop_telling(void)
{
	struct bpf_link **link = &engine->skeleton->links.handle__sched_switch;

	bpf_link__destroy(*link);
	*link = NULL;
}

/* The spinner's timer is armed then, and nothing of what follows is told. */
static void watch_one_and_tell_no_more(void)
{
	spinner = start_spinning(false);
	watch_spinner();
	sleep_ms(20);
	stop_telling();
}

static maze_u64 expiries(void)
{
	struct engine_counts counts;

	assert_int_equal(engine_bpf.counts(engine, &counts), 0);
	return counts.timer_expiries;
}

static bool is_signalled(pid_t *pid)
{
	struct pollfd fd = { .fd = pidfd_open(*pid, 0), .events = POLLIN };
	bool ended = poll(&fd, 1, 20000) == 1;

	close(fd.fd);
	if (ended) {
		waitpid(*pid, NULL, 0);
		*pid = 0;
	}
	return ended;
}

static void who_runs_unseen_is_caught(void **state)
{
	struct maze_record record = { 0 };

	if (!*state)
		skip();
	watch_one_and_tell_no_more();
	hog = start_spinning(true);
	sleep_ms(300);
	end_child(&hog);
	assert_true(is_signalled(&spinner));
	while (engine_bpf.reader_next(reader, &record) == 1 && record.event != MAZE_EVENT_SOFT)
		;
	assert_int_equal(record.event, MAZE_EVENT_SOFT);
	assert_true(record.count_ns >= record.limit_ns);
}

static void the_search_has_an_end(void **state)
{
	maze_u64 before, after;

	if (!*state)
		skip();
	watch_one_and_tell_no_more();
	end_child(&spinner);
	hog = start_spinning(false);
	before = expiries();
	/* All of 4, 8, ... 1024 ms, and then none. */
	sleep_ms(4000);
	after = expiries();
	assert_in_range(after - before, 6, 10);
	sleep_ms(1500);
	assert_int_equal(expiries(), after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_runs_unseen_is_caught, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_search_has_an_end, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("unseen", tests, NULL, NULL);
}
