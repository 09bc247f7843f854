/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock of deadlines, and how two waits become one. */
#ifndef MAZE_EVIDENCE_CLOCK_H
#define MAZE_EVIDENCE_CLOCK_H

#include <time.h>

#include "../core/types.h"

/* CLOCK_MONOTONIC: the time of a suspend does not count. */
static inline maze_u64 monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

/* The shorter of two waits in ms; -1: no wait. */
static inline int sooner(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

#endif
