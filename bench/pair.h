/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two processes that wake each other in turn on one CPU, which only switches between
 * them; and crowds of sleeping tasks.
 */
#ifndef MAZE_BENCH_PAIR_H
#define MAZE_BENCH_PAIR_H

#include <sys/types.h>

enum pair_by {
	PAIR_BY_PIPE,  /* a byte goes to and fro: both sleep in read(2) */
	PAIR_BY_FUTEX, /* each sleep is a wait for a lock */
};

struct pair {
	pid_t player, echo;
	int go, report;
};

/* Both wait, and have used almost no CPU. */
void pair_start(struct pair *pair, enum pair_by by, int cpu);
/*
 * CPU time of both per switch, in ns, over `passes` round trips. CPU time excludes other
 * load on that CPU and time taken by a hypervisor. Ends the pair.
 */
double pair_run(struct pair *pair, int passes);

/* A process with n threads that sleep until it is killed; -1 if that is not possible. */
pid_t crowd_start(int n);
void crowd_end(pid_t crowd);

#endif
