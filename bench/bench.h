/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmarks share: clocks, order statistics, processors, children.
 */
#ifndef MAZE_BENCH_H
#define MAZE_BENCH_H

#include <stddef.h>
#include <time.h>

#include "lib/maze.h"

maze_u64 bench_now(clockid_t clock);

/* The q-th quantile (0..1) of n values; sorts them. */
double bench_quantile(double *values, size_t n, double q);

/* An estimate, and the bounds between which it lies with 95 % confidence. */
struct estimate {
	double value, low, high;
};
/*
 * The median of n values. The bounds are two of the values (their ranks are binomial),
 * so they hold whatever the distribution is; up to 5 values bound nothing, and the
 * bounds are then the smallest and the largest. Leaves the values in their order.
 */
struct estimate bench_median(const double *values, size_t n);
/* Of value[i] - base[i]: what lasts longer than a pair falls out. */
struct estimate bench_median_difference(const double *values, const double *bases, size_t n);
/* median(above) / median(below) of pairs; the bounds by resampling the pairs. */
struct estimate bench_ratio(const double *above, const double *below, size_t n);

/* n doubles, or the end of the program. */
double *bench_values(size_t n);
/* 0 .. n-1 in an order that differs from round to round but not from run to run. */
void bench_shuffle(int *order, int n, unsigned int round);

/* Opens an engine in this process or ends it with a sentence. */
struct maze *bench_open(const char *engine);
/* The processor measurements are made on: the last this process may run on. */
int bench_cpu(void);
/* How many processors this process may run on. */
int bench_cpus(void);
/* Confines this process to one CPU. */
void bench_pin(int cpu);
/* Ends the program: sentence and errno. */
void bench_die(const char *what) __attribute__((noreturn));
/* Ends the program: sentence. */
void bench_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* A fork that succeeds, and whose child does not outlive this process. */
pid_t bench_fork(void);
/* A program by its name, as such a child, that neither reads nor prints. */
pid_t bench_spawn_quietly(char *const argv[]);
/* Kills children of this process and waits for them. */
void bench_reap(const pid_t *pids, int n);
/* Until the child sleeps: from then on nothing it did before is on its count. */
void bench_wait_until_blocked(pid_t pid);
/*
 * CPU time in ns of the only thread of a process that nobody reaps meanwhile; exact while
 * it sleeps; 0 when it is gone. What its CLOCK_THREAD_CPUTIME_ID reads, from outside.
 */
maze_u64 bench_runtime_of(pid_t pid);
/* A policy with limits nothing here reaches. */
struct maze_policy bench_far_policy(void);
/* Watches a process under it. */
void bench_watch(struct maze *maze, pid_t pid);

#endif
