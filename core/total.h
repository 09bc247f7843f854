/* SPDX-License-Identifier: GPL-2.0-only */
/* The watches of one tag, added up. */
#ifndef MAZE_CORE_TOTAL_H
#define MAZE_CORE_TOTAL_H

#include "types.h"

/* A count that has reached the limit. */
#define MAZE_TOTAL_ONE_SHIFT 20
#define MAZE_TOTAL_ONE (1ULL << MAZE_TOTAL_ONE_SHIFT)

struct maze_total {
	maze_u64 tag;
	maze_u64 threads;
	/* The largest count, divided by the first limit of its watch; 1 is MAZE_TOTAL_ONE. */
	maze_u64 nearest;
};

/* Rounds down. */
maze_inline maze_u64 maze_total_ratio(maze_u64 count_ns, maze_u64 limit_ns)
{
	maze_u64 whole = count_ns / limit_ns, rest = count_ns % limit_ns;

	/* A rest of hours would overflow. The limit is longer, and has digits enough. */
	if (rest >> (64 - MAZE_TOTAL_ONE_SHIFT))
		rest /= ((limit_ns - 1) >> MAZE_TOTAL_ONE_SHIFT) + 1;
	else
		rest = (rest << MAZE_TOTAL_ONE_SHIFT) / limit_ns;
	return (whole << MAZE_TOTAL_ONE_SHIFT) + rest;
}

/* Adds a watch. A limit of 0 is none. */
maze_inline void maze_total_add(struct maze_total *total, maze_u64 count_ns, maze_u64 soft_ns,
				maze_u64 hard_ns)
{
	maze_u64 limit_ns = soft_ns ? soft_ns : hard_ns;
	maze_u64 ratio = limit_ns ? maze_total_ratio(count_ns, limit_ns) : 0;

	total->threads++;
	if (ratio > total->nearest)
		total->nearest = ratio;
}

#endif
