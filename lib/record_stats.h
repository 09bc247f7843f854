/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts verdicts by their records, with a histogram of their lateness. No engine counts
 * that itself: a record has all of it, and its verdict is rare, so reading costs nothing
 * where the engine runs at each switch.
 */
#ifndef MAZE_LIB_RECORD_STATS_H
#define MAZE_LIB_RECORD_STATS_H

#include <jansson.h>

#include "maze.h"

/*
 * The upper bounds of the buckets, in ns. The engines bpf and kmod are late by microseconds,
 * and poll by up to 10 ms or a tenth of the limit. The last bucket has what is above all.
 */
#define RECORD_STATS_BOUNDS                                                                        \
	10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,          \
		25000000, 100000000, 1000000000
#define RECORD_STATS_BUCKETS 14
extern const maze_u64 record_stats_bounds_ns[RECORD_STATS_BUCKETS - 1];

/* How much the count, or the level, was above the limit. */
struct lateness {
	maze_u64 counts[RECORD_STATS_BUCKETS];
	maze_u64 sum_ns, max_ns;
};

struct record_stats {
	maze_u64 soft, hard; /* verdicts */
	maze_u64 shadow;     /* of them: in shadow */
	maze_u64 sent;	     /* of them: the signal was sent */
	maze_u64 lost;	     /* records that were overwritten unread */
	struct lateness threads, groups;
};

void record_stats_add(struct record_stats *stats, const struct maze_record *record);
/*
 * Returns {"records": ..., "lateness": ...} of maze-control(5), with the counts of the
 * engine. NULL: out of memory. The caller frees it.
 */
json_t *record_stats_json(const struct record_stats *stats, const struct maze_counts *counts);

#endif
