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
#include <sys/resource.h>
#include <sys/wait.h>

#define MS 1000000LL
#define SOFT_NS (100 * MS)
#define HARD_NS (400 * MS)

/* Element i has i verdicts, and lies at least a quarter of a limit from each. */
static const long episodes_ms[] = { 30, 200, 600 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Whether an episode has so many verdicts, and ends far from each limit. */
static bool is_clear(long long least_ns, long long most_ns, int verdicts)
{
	static const long long limits_ns[] = { SOFT_NS, HARD_NS };

	for (int i = 0; i < 2; i++)
		if (i < verdicts ? least_ns < limits_ns[i] * 5 / 4 : most_ns > limits_ns[i] * 3 / 4)
			return false;
	return true;
}

/* What the child knows of its last reset, by its CPU clock. Its first episode begins at 0. */
struct account {
	long long before_ns, after_ns;	/* the looks around the reset */
	long long last_ns, last_all_ns; /* the last look, and all threads' clocks then */
	int verdicts;			/* that the present episode is to have */
	bool clear;
};
static struct account *account;

/* Ends an episode. */
static void reset_by(void (*reset)(void))
{
	long long last_ns = own_cpu_ns(), now_ns;

	reset();
	now_ns = own_cpu_ns();
	account->clear &= is_clear(last_ns - account->after_ns, now_ns - account->before_ns,
				   account->verdicts);
	account->before_ns = last_ns;
	account->after_ns = now_ns;
	account->verdicts = 0;
}

/* It may have slept for a lock of the kernel. */
static void burn_awake(long long ns, int verdicts)
{
	long sleeps = voluntary_switches();

	burn_ns(ns);
	account->verdicts = verdicts;
	account->clear &= voluntary_switches() == sleeps;
}

static void sleep_shortly(void)
{
	sleep_ms(50);
}

static void yield_once(void)
{
	sched_yield();
}

/* Runs one episode of each length; `reset` ends each. */
static void run_episodes(void (*reset)(void))
{
	reset_by(sleep_shortly);
	for (int i = 0; i < 3; i++) {
		reset_by(reset);
		burn_awake(episodes_ms[i] * MS, i);
		reset_by(reset);
	}
}

static void run_sleeps(void)
{
	run_episodes(sleep_shortly);
}

static void run_yields(void)
{
	run_episodes(yield_once);
}

static void run_exit(void)
{
	burn_awake(HARD_NS * 3 / 2, 2);
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

static void run_turns(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, take_turns, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* The last episode has the time of the exit too, which only the parent can know. */
static bool was_clear(const struct rusage *used)
{
	long long all_ns = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000 * MS +
			   (used->ru_utime.tv_usec + used->ru_stime.tv_usec) * 1000LL;
	long long exit_ns = all_ns - account->last_all_ns;

	return account->clear &&
	       is_clear(account->last_ns - account->after_ns,
			account->last_ns + exit_ns - account->before_ns, account->verdicts);
}

/* Returns whether the child was clear. */
static bool run_child(void (*run)(void))
{
	struct rusage used;
	int status = 0;
	bool clear;
	pid_t child;

	*account = (struct account){ .clear = true };
	child = fork();
	if (!child) {
		bound_life();
		run();
		account->last_ns = own_cpu_ns();
		account->last_all_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		_exit(0);
	}
	if (child < 0 || wait4(child, &status, 0, &used) != child || status) {
		fprintf(stderr, "no child, or its status is %d\n", status);
		exit(1);
	}
	clear = was_clear(&used);
	if (clear)
		printf("clear %d\n", (int)child);
	return clear;
}

int main(void)
{
	static void (*const kinds[])(void) = { run_sleeps, run_yields, run_exit, run_turns };

	bound_life();
	account = mmap(NULL, sizeof(*account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (account == MAP_FAILED)
		return 1;
	for (int i = 0; i < 4; i++)
		while (!run_child(kinds[i]))
			;
	return 0;
}
