/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_OBSERVE_STREAK_BINS_H
#define MAZE_OBSERVE_STREAK_BINS_H

#include "../core/streaks.h"

/* Streaks of at least `lower` ns and less than streak_bin_upper(). */
struct streak_bin {
	maze_u64 lower;
	maze_u64 count;
};

/* Bins are log-linear, 8 in an octave. The first one is from 0 to here. */
#define STREAK_BIN_FIRST (maze_streak_bucket_ns(1))
/* A limit on the lower bounds of bins. */
#define STREAK_BIN_MAX (1ULL << 60)

maze_u64 streak_bin_upper(maze_u64 lower);

#endif
