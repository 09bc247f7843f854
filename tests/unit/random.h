/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers of the property tests: xorshift64*, which is the same on every machine. */
#ifndef MAZE_TEST_RANDOM_H
#define MAZE_TEST_RANDOM_H

#include "core/types.h"

/* The seed, before the first roll(). Not 0. */
static maze_u64 random_state;

static inline maze_u64 roll(maze_u64 below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 2685821657736338717ULL >> 11) % below;
}

#endif
