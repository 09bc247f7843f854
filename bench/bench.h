/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmarks share: clocks, order statistics, and a private engine.
 */
#ifndef MAZE_BENCH_H
#define MAZE_BENCH_H

#include <stddef.h>
#include <time.h>

#include "lib/maze.h"

maze_u64 bench_now(clockid_t clock);
/* The q-th quantile (0..1) of n values; sorts them. */
double bench_quantile(double *values, size_t n, double q);
/* Opens an engine in this process or ends it with a sentence. */
struct maze *bench_open(const char *engine);
/* Confines this process to one CPU. */
void bench_pin(int cpu);
/* Ends the program: sentence and errno. */
void bench_die(const char *what) __attribute__((noreturn));
/* Watches a process under limits nothing here reaches. */
void bench_watch(struct maze *maze, pid_t pid);

#endif
