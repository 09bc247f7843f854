/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The users and the attachments of the yield probe. A watch that one CPU replaces or ends
 * while another CPU steps its account leaves no user of the probe; otherwise the probe would
 * stay attached for ever. An attachment after a killed service has a new number; otherwise
 * yields between the two would be missed without a doubt.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/bpf/engine_bpf.h"
#include "lib/maze.h"
#include "bounds.h"
#include "private_mounts.h"
#include "real_time.h"
#include "skip.h"

#define ROUNDS 1000

/* On the last CPU, ahead of all tasks that are not real-time. */
static pid_t start_real_time(int priority, void (*live)(void))
{
	struct sched_param param = { priority };
	pid_t pid = fork();
	cpu_set_t set;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	bound_child();
	close_range(3, ~0U, 0);
	CPU_ZERO(&set);
	CPU_SET((size_t)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	sched_setaffinity(0, sizeof(set), &set);
	sched_setscheduler(0, SCHED_FIFO, &param);
	live();
	_exit(0);
}

static void spin(void)
{
	for (;;)
		;
}

/* So that the spinner's account is stepped thousands of times in a second. */
static void preempt_often(void)
{
	struct timespec time = { 0, 20000 };

	prctl(PR_SET_TIMERSLACK, 1UL);
	for (;;)
		nanosleep(&time, NULL);
}

static void a_replaced_watch_is_not_counted(void **state)
{
	struct engine_target target = { 0 };
	struct engine_claim claim = { 0, 0 };
	struct maze_error error = { "" };
	struct maze_policy policy;
	struct engine *engine;
	pid_t spinner, waker;
	maze_u32 users;
	int i;

	(void)state;
	if (engine_bpf.open(ENGINE_PRIVATE, &engine, &error))
		skip_because("%s", error.text);
	if (engine->config.yield_probe == MAZE_YIELD_PERMANENT) {
		engine_bpf.close(engine);
		skip_because("this kernel's yield probe is always attached");
	}
	maze_policy_default(&policy);
	policy.soft_signal = 0;
	policy.hard_ns = 0;
	wait_for_other_real_time_tests();
	spinner = start_real_time(1, spin);
	waker = start_real_time(2, preempt_often);
	target.pidfd = pidfd_open(spinner, 0);
	/* The two burn CPU time for as long as this takes beside other processes. */
	setpriority(PRIO_PROCESS, 0, -20);
	for (i = 0; i < ROUNDS; i++) {
		/* Never the same policy, which would keep its count. */
		policy.soft_ns = (1 + i % 7) * MAZE_NSEC_PER_MSEC;
		engine_bpf.watch(engine, &target, &policy, &claim, NULL);
		if (i % 5 == 4)
			engine_bpf.unwatch(engine, &target, &claim, NULL);
	}
	engine_bpf.unwatch(engine, &target, &claim, NULL);
	setpriority(PRIO_PROCESS, 0, 0);
	kill(spinner, SIGKILL);
	kill(waker, SIGKILL);
	waitpid(spinner, NULL, 0);
	waitpid(waker, NULL, 0);
	close(target.pidfd);
	users = engine->state->yield_probe_users;
	engine_bpf.close(engine);
	assert_int_equal(users, 0);
}

/* Opens the pinned engine; NULL: not here. */
static struct engine *open_pinned(struct maze_error *error)
{
	struct engine *engine;

	return engine_bpf.open(ENGINE_PINNED, &engine, error) ? NULL : engine;
}

/* Attaches the probe, sends its number, and waits to be killed. */
static void serve(int numbers)
{
	struct engine *engine = open_pinned(NULL);
	maze_u32 number = 0;

	if (engine && bpf_service_fd(engine) >= 0 && bpf_service(engine) >= 0)
		number = engine->state->yield_probe;
	(void)!write(numbers, &number, sizeof(number));
	pause();
}

static maze_u32 number_of_killed_service(void)
{
	maze_u32 number = 0;
	int numbers[2];
	pid_t pid;

	assert_int_equal(pipe(numbers), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(numbers[1]);
		_exit(0);
	}
	close(numbers[1]);
	assert_int_equal(read(numbers[0], &number, sizeof(number)), sizeof(number));
	close(numbers[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return number;
}

static void an_attachment_after_a_killed_service_has_a_new_number(void **state)
{
	struct maze_error error = { "" };
	maze_u32 before, left, after;
	struct engine *engine;
	bool loaded;

	(void)state;
	if (!private_mount("bpf", "/sys/fs/bpf", NULL))
		skip_because("%s", private_mounts_why);
	engine = open_pinned(&error);
	if (!engine) {
		skip_because("%s", error.text);
		return; /* for the static analysis */
	}
	if (engine->config.yield_probe != MAZE_YIELD_ON_DEMAND) {
		engine_bpf.close(engine);
		engine_bpf.unload(&loaded, NULL);
		skip_because("this kernel's yield probe needs no service");
	}
	before = number_of_killed_service();
	/* As in a killed service whose lease has not ended. */
	left = engine->state->yield_probe;
	bpf_service_fd(engine);
	bpf_service(engine);
	after = engine->state->yield_probe;
	engine_bpf.close(engine);
	engine_bpf.unload(&loaded, NULL);
	assert_true(before != 0);
	assert_int_equal(left, before);
	assert_true(after != 0);
	assert_int_not_equal(after, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replaced_watch_is_not_counted),
		cmocka_unit_test(an_attachment_after_a_killed_service_has_a_new_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
