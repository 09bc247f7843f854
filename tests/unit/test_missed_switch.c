/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A context switch that the bpf engine misses, as on a kernel that reports no events of some
 * task: the watched task that runs after it is caught all the same, and the timer that
 * rechecks for it stops some time. The tests detach the switch handler to miss switches.
 *
 * This process is a real-time task on the spinner's CPU with a higher priority. So the
 * spinner runs only while this process sleeps, and the timer interrupts a known task.
 */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/bpf/engine_bpf.h"
#include "lib/maze.h"
#include "maze.skel.h"
#include "real_time.h"
#include "skip.h"
#include "spinning.h"

/* The timer goes off for the spinner, then after 4, 8, ... 512 ms, and then no more. */
#define EXPIRIES_MAX 9
#define LAST_DELAY_NS (512 * MAZE_NSEC_PER_MSEC)

static struct engine *engine;
static struct engine_reader *reader;
static pid_t spinner, hog;
static maze_u32 cpu;
static cpu_set_t cpus_before;
static char why_not[512];

/* The last CPU that this process may use: interrupts tend to be on the first. */
static void choose_cpu(void)
{
	maze_u32 i;

	assert_int_equal(sched_getaffinity(0, sizeof(cpus_before), &cpus_before), 0);
	for (i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &cpus_before))
			cpu = i;
}

/* This process, and with it the children that it starts from now on, on that CPU. */
static bool take_cpu(void)
{
	struct sched_param above = { .sched_priority = 2 };
	cpu_set_t set;

	choose_cpu();
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
	return !sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &above);
}

static void give_cpu_back(void)
{
	struct sched_param none = { 0 };

	sched_setscheduler(0, SCHED_OTHER, &none);
	sched_setaffinity(0, sizeof(cpus_before), &cpus_before);
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
	struct maze_error error = { "" };

	engine = NULL;
	if (engine_bpf.open(ENGINE_PRIVATE, &engine, &error)) {
		snprintf(why_not, sizeof(why_not), "%.500s", error.text);
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
	give_cpu_back();
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
	/* No yield-probe service runs here, so a verdict would wait for the probe. */
	policy.flags |= MAZE_POLICY_YIELD_COUNTS;
	policy.soft_ns = 200 * MAZE_NSEC_PER_MSEC;
	policy.soft_signal = SIGTERM;
	policy.hard_ns = 0;
	assert_true(target.pidfd >= 0);
	assert_int_equal(engine_bpf.watch(engine, &target, &policy, &claim, NULL), 0);
	close(target.pidfd);
}

/* The engine's state of that CPU. */
static struct maze_cpu here(void)
{
	struct maze_cpu now;

	assert_int_equal(bpf_map_lookup_elem(engine->fds[OBJECT_CPUS], &cpu, &now), 0);
	return now;
}

static void detach_switch_handler(void)
{
	struct bpf_link **link = &engine->skeleton->links.handle__sched_switch;

	bpf_link__destroy(*link);
	*link = NULL;
}

/* Afterwards the timer is armed for the spinner, and the engine misses all switches. */
static void watch_and_miss_switches(void)
{
	struct sched_param below = { .sched_priority = 1 };
	struct timespec let_it_run = { .tv_nsec = 1000000 };
	time_t until = time(NULL) + WAIT_SECONDS;
	int go[2];

	assert_int_equal(pipe(go), 0);
	spinner = start_spinning(go[0]);
	close(go[0]);
	assert_int_equal(sched_setscheduler(spinner, SCHED_FIFO, &below), 0);
	watch_spinner();
	close(go[1]);
	while (!here().armed_until_ns) {
		assert_true(time(NULL) < until);
		nanosleep(&let_it_run, NULL);
	}
	detach_switch_handler();
	if (!here().armed_until_ns)
		skip_because("the machine was paused while the spinner ran");
}

static void begin(void **state)
{
	if (!*state)
		skip_because("%s", why_not);
	/* Such a test would keep the spinner off its CPU for longer than the rechecks. */
	wait_for_other_real_time_tests();
	if (!take_cpu())
		skip_because("this process may not be a real-time task");
	watch_and_miss_switches();
}

/* Runs until the timer has interrupted this process; false: it is not armed. */
static bool run_until_expiry(void)
{
	struct maze_cpu before = here(), now = before;
	time_t until = time(NULL) + WAIT_SECONDS;

	while (now.armed_until_ns && now.expiries == before.expiries) {
		assert_true(time(NULL) < until);
		now = here();
	}
	return before.armed_until_ns;
}

static int wait_for_end(pid_t *pid)
{
	struct pollfd fd = { .fd = pidfd_open(*pid, 0), .events = POLLIN };
	int status = 0;

	assert_int_equal(poll(&fd, 1, WAIT_SECONDS * 1000), 1);
	close(fd.fd);
	waitpid(*pid, &status, 0);
	*pid = 0;
	return status;
}

static void a_task_after_a_missed_switch_is_caught(void **state)
{
	struct maze_record record = { 0 };
	int status;

	begin(state);
	assert_true(run_until_expiry());
	assert_true(here().armed_until_ns);
	/* From here on this process sleeps, and the spinner runs. */
	status = wait_for_end(&spinner);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	while (engine_bpf.reader_next(reader, &record) == 1 && record.event != MAZE_EVENT_SOFT)
		;
	assert_int_equal(record.event, MAZE_EVENT_SOFT);
	assert_true(record.count_ns >= record.limit_ns);
}

/* How often a timer that is armed goes off, if no watched task runs from now on. */
static maze_u64 expiries_left(const struct maze_cpu *from)
{
	maze_u64 delay_ns = from->recheck_delay_ns, left;

	if (!delay_ns)
		return EXPIRIES_MAX;
	for (left = 1; delay_ns < LAST_DELAY_NS; left++)
		delay_ns *= 2;
	return left;
}

static void the_rechecks_end(void **state)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct maze_cpu before, again;
	maze_u64 expiries = 0;

	begin(state);
	/* The hog keeps the CPU from idling, which would end the rechecks. */
	hog = start_spinning(nothing);
	close(nothing);
	end_child(&spinner);
	/* The timer may have gone off already. It may also go off within a read. */
	do {
		before = here();
		again = here();
	} while (memcmp(&before, &again, sizeof(before)));
	if (!before.armed_until_ns)
		skip_because("the machine was paused for longer than the rechecks");
	while (run_until_expiry()) {
		expiries = here().expiries - before.expiries;
		assert_true(expiries <= EXPIRIES_MAX);
	}
	/* A timer that is not pinned may expire on another CPU, and ends the rechecks there. */
	if (!engine->state->no_timer_pin)
		assert_int_equal(expiries, expiries_left(&before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_task_after_a_missed_switch_is_caught, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_rechecks_end, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("missed switch", tests, NULL, NULL);
}
