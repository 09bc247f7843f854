/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers of the benchmarks: clocks, order statistics, processors, children.
 */
#ifndef MAZE_BENCH_H
#define MAZE_BENCH_H

#include <stddef.h>
#include <time.h>

#include "lib/maze.h"

maze_u64 bench_now(clockid_t clock);

/* The q-th quantile (0..1) of n values; sorts them. */
double bench_quantile(double *values, size_t n, double q);

/* An estimate with its 95 % confidence interval. */
struct estimate {
	double value, low, high;
};
/*
 * The median of n values. The bounds are two of the values (their ranks are binomial), so
 * they hold for every distribution. Up to 5 values give no bounds: then these are the
 * smallest and the largest value. Keeps the order of the values.
 */
struct estimate bench_median(const double *values, size_t n);
/* The median of value[i] - base[i]: disturbances longer than a pair cancel out. */
struct estimate bench_median_difference(const double *values, const double *bases, size_t n);
/* median(above) / median(below) of pairs; the bounds come from resampling the pairs. */
struct estimate bench_ratio(const double *above, const double *below, size_t n);

/* n doubles; ends the program when there is no memory. */
double *bench_values(size_t n);
/* 0 .. n-1 in an order that differs between rounds but not between runs. */
void bench_shuffle(int *order, int n, unsigned int round);

/* Opens an engine in this process; on failure it ends the program with a message. */
struct maze *bench_open(const char *engine);
/* The processor of the measurements: the last that this process may use. */
int bench_cpu(void);
/* The number of processors that this process may use. */
int bench_cpus(void);
/* Confines this process to one CPU. */
void bench_pin(int cpu);
/* Ends the program with a message and errno. */
void bench_die(const char *what) __attribute__((noreturn));
/* Ends the program with a message. */
void bench_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* A fork that succeeds; the child does not outlive this process. */
pid_t bench_fork(void);
/* Starts a program by its name as such a child; it neither reads nor prints. */
pid_t bench_spawn_quietly(char *const argv[]);
struct bench_times {
	double wall, cpu; /* in seconds */
};
/*
 * Waits for the child, which must succeed. Returns the wall time since `start`
 * (CLOCK_MONOTONIC) and the CPU time of the child and its reaped children.
 */
struct bench_times bench_wait(pid_t pid, maze_u64 start, const char *name);
/* Kills children of this process and waits for them. */
void bench_reap(const pid_t *pids, int n);
/* Waits until the child sleeps: its earlier CPU time is then off its count. */
void bench_wait_until_blocked(pid_t pid);
/*
 * CPU time in ns of the only thread of an unreaped process, read from outside with the
 * value of its CLOCK_THREAD_CPUTIME_ID. Exact while the thread sleeps; 0 when it has
 * ended.
 */
maze_u64 bench_runtime_of(pid_t pid);
/* A policy with limits that the benchmarks do not reach. */
struct maze_policy bench_far_policy(void);
/* Watches a process under that policy. */
void bench_watch(struct maze *maze, pid_t pid);

#endif
