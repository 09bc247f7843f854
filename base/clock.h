/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_BASE_CLOCK_H
#define MAZE_BASE_CLOCK_H

#include <time.h>

#include "../core/types.h"

/* CLOCK_BOOTTIME, the clock of records, counts suspends; CLOCK_MONOTONIC does not. */
static inline maze_u64 now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
}

/* Returns the shorter of two poll(2) timeouts in ms; -1: no timeout. */
static inline int sooner(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

#endif
