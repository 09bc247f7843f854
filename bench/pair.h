/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two processes that wake each other in turn on one CPU, which then does nothing but
 * switch between them; and crowds of tasks that sleep.
 */
#ifndef MAZE_BENCH_PAIR_H
#define MAZE_BENCH_PAIR_H

#include <sys/types.h>

enum pair_by {
	PAIR_BY_PIPE,  /* a byte goes to and fro: they sleep in read(2) */
	PAIR_BY_FUTEX, /* each of their sleeps is a wait for a lock */
};

struct pair {
	pid_t player, echo;
	int go, report;
};

/* Both wait, and have used no CPU to speak of. */
void pair_start(struct pair *pair, enum pair_by by, int cpu);
/*
 * CPU time of both a switch, in ns, over `passes` to and fro. CPU time, because what
 * others do on that CPU meanwhile, and what a hypervisor takes, is not in it. Ends the pair.
 */
double pair_run(struct pair *pair, int passes);

/* A process of n threads that sleep until it is killed; -1 where they cannot be had. */
pid_t crowd_start(int n);
void crowd_end(pid_t crowd);

#endif
