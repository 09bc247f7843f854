/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Uses CPU time in episodes that a sleep, a yield or an exit ends, and in two threads that
 * wait for a lock: a schedule whose verdicts maze run and maze replay compare. The limits are
 * 100 ms and 400 ms, and --recovery lock:0.05. The clock of a trace is not that of the
 * scheduler, so no episode may end near a limit. Each kind of episode runs in a child. If an
 * episode was delayed so that it may have ended near a limit, by its own CPU clock, another
 * child runs the same. Prints "clear PID" for each child in which none was.
 */
#include "program.h"

#include <pthread.h>
#include <sys/wait.h>

#define MS 1000000LL
#define SOFT_NS (100 * MS)
#define HARD_NS (400 * MS)

/* All lie at least a quarter of a limit from it. */
static const long episodes_ms[] = { 30, 200, 600 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_clear(long long least_ns, long long most_ns)
{
	static const long long limits_ns[] = { SOFT_NS, HARD_NS };

	for (int i = 0; i < 2; i++)
		if (least_ns < limits_ns[i] * 5 / 4 && most_ns > limits_ns[i] * 3 / 4)
			return false;
	return true;
}

/* Runs one episode of each length; `reset` ends each. */
static bool run_episodes(void (*reset)(void))
{
	long long before, first, last;
	bool clear = true;
	long sleeps;

	sleep_ms(1);
	for (int i = 0; i < 3; i++) {
		before = own_cpu_ns();
		reset();
		first = own_cpu_ns();
		sleeps = voluntary_switches();
		burn_ms(episodes_ms[i]);
		/* It may have slept for a lock of the kernel. */
		clear &= voluntary_switches() == sleeps;
		last = own_cpu_ns();
		reset();
		clear &= is_clear(last - first, own_cpu_ns() - before);
	}
	return clear;
}

static void sleep_shortly(void)
{
	sleep_ms(50);
}

static void yield_once(void)
{
	sched_yield();
}

static bool run_sleeps(void)
{
	return run_episodes(sleep_shortly);
}

static bool run_yields(void)
{
	return run_episodes(yield_once);
}

static bool run_exit(void)
{
	long sleeps = voluntary_switches();

	burn_ns(HARD_NS * 3 / 2);
	return voluntary_switches() == sleeps;
}

/*
 * Most of the time each waits for the other one, until its count, less what its waits can
 * have taken off, is above both limits.
 */
static void *take_turns(void *arg)
{
	long long begun = clock_ns(CLOCK_MONOTONIC), used, waited;

	do {
		pthread_mutex_lock(&lock);
		burn_ms(30);
		pthread_mutex_unlock(&lock);
		burn_ms(5);
		used = own_cpu_ns();
		waited = clock_ns(CLOCK_MONOTONIC) - begun - used;
	} while (used - waited / 20 < HARD_NS * 3 / 2);
	return arg;
}

static bool run_turns(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, take_turns, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return true;
}

/* Returns whether the child was clear. */
static bool run_child(bool (*run)(void))
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		bound_life();
		_exit(run() ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		perror("no child");
		exit(1);
	}
	if (!status)
		printf("clear %d\n", (int)child);
	return !status;
}

int main(void)
{
	static bool (*const kinds[])(void) = { run_sleeps, run_yields, run_exit, run_turns };

	bound_life();
	for (int i = 0; i < 4; i++)
		while (!run_child(kinds[i]))
			;
	return 0;
}
