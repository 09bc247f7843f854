/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the test programs: options, their own CPU clock, the account of their
 * episodes (account.h), and a bound on their lifetime, so that a broken maze leaves none
 * behind.
 */
#ifndef MAZE_TEST_PROGRAM_H
#define MAZE_TEST_PROGRAM_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "account.h"

/* No scenario uses this much CPU time on any machine; SIGPROF ends a stray spinner. */
#define LIFE_CPU_SECONDS 240
/* For a stray sleeper: longer than any suite waits, also on a crowded machine. */
#define LIFE_SECONDS 1800
#define EXIT_SKIP 77 /* exit status: not possible here */

static inline long long clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* CPU time of this thread: maze must never be early by this clock. */
static inline long long own_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline bool has_option(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return false;
}

static inline long number_option(int argc, char **argv, const char *name, long fallback)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], name))
			return strtol(argv[i + 1], NULL, 10);
	return fallback;
}

/* NULL: the option is absent. */
static inline const char *text_option(int argc, char **argv, const char *name)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], name))
			return argv[i + 1];
	return NULL;
}

static inline void pin_to_cpu(long cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		perror("cannot pin");
}

static inline long voluntary_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/* NULL: the suite requests no account. */
static struct account_file *account_file;
static __thread struct account_episode *account_now[ACCOUNT_VIEWS];

static inline struct account_episode *account_take(int view, long switches, long long before_ns,
						   long long at_ns)
{
	long long index = __atomic_fetch_add(&account_file->used, 1, __ATOMIC_RELAXED);
	static __thread struct account_episode full;
	struct account_episode *episode = &full;

	if (index < ACCOUNT_EPISODES)
		episode = &account_file->episodes[index];
	episode->view = view;
	episode->switches = switches;
	episode->before_ns = before_ns;
	episode->last_ns = episode->first_ns = at_ns;
	episode->tid = syscall(SYS_gettid);
	return episode;
}

/* So many resets since the last look; the one before at_ns began another episode. */
static inline void account_next(int view, long resets, bool by_yield, long switches,
				long long at_ns, long long asleep_ns)
{
	struct account_episode *old = account_now[view], *next;
	long long before_ns = old->last_ns;

	if (at_ns - old->before_ns < ACCOUNT_SHORTEST_NS && !old->caught && !asleep_ns) {
		/* Ordered so that the bounds hold after each store. */
		old->switches = switches;
		old->first_ns = at_ns;
		old->last_ns = at_ns;
		old->before_ns = before_ns;
		old->by_yield = by_yield;
		return;
	}
	old->more = resets - 1;
	old->asleep_ns = asleep_ns;
	old->after_ns = at_ns;
	next = account_take(view, switches, before_ns, at_ns);
	next->by_yield = by_yield;
	account_now[view] = next;
}

static inline void account_look_after(long yield_resets, long long asleep_ns)
{
	long long at_ns;
	long switches, again, had;

	if (!account_now[0])
		return;
	had = (long)account_now[0]->switches;
	at_ns = own_cpu_ns();
	switches = voluntary_switches();
	/* The clock may be from before a reset that is counted already: read it again. */
	for (; switches != had || yield_resets; switches = again) {
		at_ns = own_cpu_ns();
		again = voluntary_switches();
		if (again == switches)
			break;
	}
	if (switches != had)
		account_next(ACCOUNT_SLEEPS, switches - had, false, switches, at_ns, asleep_ns);
	if (switches != had || yield_resets)
		account_next(ACCOUNT_SLEEPS_AND_YIELDS, switches - had + yield_resets,
			     yield_resets > 0, switches, at_ns, asleep_ns);
	account_now[ACCOUNT_SLEEPS]->last_ns = at_ns;
	account_now[ACCOUNT_SLEEPS_AND_YIELDS]->last_ns = at_ns;
}

/* Every loop that burns CPU calls it often: the time between two looks is uncertain. */
static inline void account_look(void)
{
	account_look_after(0, 0);
}

/* The last look of a thread before it ends. */
static inline void account_end(void)
{
	long long at = clock_ns(CLOCK_REALTIME);

	account_look();
	for (int view = 0; account_now[0] && view < ACCOUNT_VIEWS; view++) {
		account_now[view]->ended_at = at;
		account_now[view]->after_ns = account_now[view]->last_ns;
	}
}

/* Called in a handler of the soft signal. */
static inline void account_caught(long long at_ns)
{
	for (int view = 0; account_now[0] && view < ACCOUNT_VIEWS; view++) {
		if (!account_now[view]->caught)
			account_now[view]->caught_ns = at_ns;
		account_now[view]->caught++;
	}
}

/* Marks a moment for the check of the scenario. */
static inline void account_mark(void)
{
	for (int view = 0; account_now[0] && view < ACCOUNT_VIEWS; view++)
		account_now[view]->mark_ns = own_cpu_ns();
}

/* The entry that this thread left open at its execve, or a new one. */
static inline struct account_episode *account_find(int view)
{
	long long tid = syscall(SYS_gettid), i = account_file->used;

	for (i = i < ACCOUNT_EPISODES ? i : ACCOUNT_EPISODES; i-- > 0;) {
		struct account_episode *episode = &account_file->episodes[i];

		if (episode->tid == tid && episode->view == view && !episode->after_ns)
			return episode;
	}
	return account_take(view, 0, 0, 0);
}

/*
 * The first call in every program, thread and forked child. A new account begins at zero
 * of the clock, before the watch, so that the CPU time before main() is in the upper
 * bounds.
 */
static inline void account_begin(void)
{
	const char *path = getenv(ACCOUNT_FILE);
	bool fresh;
	int fd;

	if (path && !account_file) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		account_file = mmap(NULL, sizeof(*account_file), PROT_READ | PROT_WRITE, MAP_SHARED,
				    fd, 0);
		if (account_file == MAP_FAILED) {
			perror(path);
			exit(1);
		}
		close(fd);
		atexit(account_end);
	}
	if (!account_file)
		return;
	for (int view = 0; view < ACCOUNT_VIEWS; view++)
		account_now[view] = account_find(view);
	fresh = !account_now[0]->last_ns;
	account_look();
	/* The watch began at an unknown time within its first episode. */
	for (int view = 0; fresh && view < ACCOUNT_VIEWS; view++)
		account_now[view]->first_ns = account_now[view]->last_ns;
}

/*
 * For every program and forked child, so that a broken maze leaves none behind. A forked
 * child has no account until its account_begin(): what it looks at or catches, for example
 * in an inherited handler, must not be in its parent's.
 */
static inline void bound_life(void)
{
	const struct itimerval most = { .it_value.tv_sec = LIFE_CPU_SECONDS };

	account_now[0] = NULL;
	alarm(LIFE_SECONDS);
	setitimer(ITIMER_PROF, &most, NULL);
}

/* --cpu N pins; every program calls it first. */
static inline void begin(int argc, char **argv)
{
	bound_life();
	account_begin();
	pin_to_cpu(number_option(argc, argv, "--cpu", -1));
}

static inline void burn_ns(long long ns)
{
	long long until = own_cpu_ns() + ns;

	while (own_cpu_ns() < until)
		account_look();
}

static inline void burn_ms(long ms)
{
	burn_ns(ms * 1000000LL);
}

/* Runs in user mode, apart from a look about every millisecond. */
static inline void spin_on(void)
{
	for (volatile int i = 0; i < 200000; i++)
		;
	account_look();
}

static inline void sleep_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/*
 * Consecutive yields. A yield that switches to another task is two resets of an engine: at
 * the call, and at the switch.
 */
static inline void yield(long times)
{
	account_look();
	for (long i = 0; i < times; i++)
		sched_yield();
	account_look_after(2 * times, 0);
}

/* The time this thread has waited for a CPU; the rest of its absence is not runnable. */
static inline long long waited_ns(void)
{
	long long ns = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "re");

	if (!file || fscanf(file, "%*d %lld", &ns) != 1) {
		perror("/proc/thread-self/schedstat");
		exit(1);
	}
	fclose(file);
	return ns;
}

/*
 * A sleep whose time passes before it begins, as on a busy emulated machine, does not
 * switch; then it repeats. Returns the CPU clock right before the sleep that switched.
 */
static inline long long sleep_somehow(long ms, void (*sleeps)(long ms))
{
	long long at, waited, cpu, wall, asleep;
	long before;

	do {
		account_look();
		waited = waited_ns();
		/*
		 * Wall clock minus CPU clock minus waits for a CPU: a lower bound of the
		 * time not runnable.
		 */
		cpu = own_cpu_ns();
		wall = clock_ns(CLOCK_MONOTONIC);
		before = voluntary_switches();
		at = own_cpu_ns();
		sleeps(ms);
		wall = clock_ns(CLOCK_MONOTONIC) - wall;
		cpu = own_cpu_ns() - cpu;
		asleep = wall - cpu - (waited_ns() - waited);
	} while (voluntary_switches() == before);
	account_look_after(0, asleep > 0 ? asleep : 0);
	return at;
}

static inline long long sleep_for_certain(long ms)
{
	return sleep_somehow(ms, sleep_ms);
}

/* Waits as for a held lock. */
static inline void wait_in_futex(long ms)
{
	struct timespec timeout = { ms / 1000, ms % 1000 * 1000000 };
	static unsigned int word;

	syscall(SYS_futex, &word, 128 /* FUTEX_WAIT_PRIVATE */, 0, &timeout, NULL, 0);
}

#endif
