/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmarks share; see bench.h.
 */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

maze_u64 bench_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

double bench_quantile(double *values, size_t n, double q)
{
	size_t index;

	if (!n)
		return 0;
	qsort(values, n, sizeof(*values), ascending);
	index = (size_t)(q * (double)(n - 1) + 0.5);
	return values[index];
}

void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

struct maze *bench_open(const char *engine)
{
	struct maze_error error = { "" };
	struct maze *maze;

	if (maze_open(engine, MAZE_PRIVATE, &maze, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	return maze;
}

void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("cannot pin to a CPU");
}

void bench_watch(struct maze *maze, pid_t pid)
{
	struct maze_error error = { "" };
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = 3600 * MAZE_NSEC_PER_SEC;
	policy.hard_ns = 2 * policy.soft_ns;
	policy.flags |= MAZE_POLICY_SHADOW;
	if (maze_watch(maze, pid, 0, &policy, 0, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
}
