/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs that misbehave on purpose share: options, their own CPU
 * clock, and a bound on their own life, so that a broken maze leaves none behind.
 */
#ifndef MAZE_TEST_PROGRAM_H
#define MAZE_TEST_PROGRAM_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* No scenario lasts that long, on any machine; the alarm ends what hangs. */
#define LIFE_SECONDS 240

static inline long long clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* CPU time of this thread: the clock by which maze must never be early. */
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

/* --cpu N pins; every program calls it first. */
static inline void begin(int argc, char **argv)
{
	alarm(LIFE_SECONDS);
	pin_to_cpu(number_option(argc, argv, "--cpu", -1));
}

static inline void burn_ns(long long ns)
{
	long long until = own_cpu_ns() + ns;

	while (own_cpu_ns() < until)
		;
}

static inline void burn_ms(long ms)
{
	burn_ns(ms * 1000000LL);
}

static inline void sleep_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

static inline long voluntary_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/*
 * A sleep whose time has passed before it begins, as on a busy emulated machine, does not
 * switch: then again. Returns the CPU clock right before the sleep that was one.
 */
static inline long long sleep_for_certain(long ms)
{
	long before = voluntary_switches();
	long long at;

	do {
		at = own_cpu_ns();
		sleep_ms(ms);
	} while (voluntary_switches() == before);
	return at;
}

#endif
