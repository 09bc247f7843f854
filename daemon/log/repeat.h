/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limits of the key `repeat` of maze.conf(5): which records of a rule are written to
 * the log, and how many were not. Actions do not depend on it. Pure: the caller passes
 * the time, by any clock that never goes back.
 *
 * An interval begins with the first record that is shown; the next one begins with the
 * first record after its end.
 */
#ifndef MAZE_DAEMON_REPEAT_H
#define MAZE_DAEMON_REPEAT_H

#include <stdbool.h>

#include "../../lib/maze.h"

struct repeat;

/* A rule's name (up to 64 bytes) with the user of the record. */
#define REPEAT_NAME_SIZE 128

/* The number of records that were not shown in an interval that has ended. */
struct repeat_summary {
	char name[REPEAT_NAME_SIZE];
	maze_u64 hidden;
	maze_u64 time_ns; /* the length of the interval */
};

/* NULL: out of memory. */
struct repeat *repeat_new(void);
void repeat_free(struct repeat *repeat);

/*
 * Whether to show a record of that rule, with a limit of `count` per `time_ns`; count 0:
 * no limit. The limit may change between calls (a reload), but a running interval keeps
 * its length. Without memory all records are shown.
 */
bool repeat_allows(struct repeat *repeat, const char *name, unsigned int count, maze_u64 time_ns,
		   maze_u64 now_ns);
/*
 * True with one summary of an interval that has ended; call it until it is false. Each is
 * returned once.
 */
bool repeat_summarize(struct repeat *repeat, maze_u64 now_ns, struct repeat_summary *ret_summary);
/* When the next summary is due; 0: none. */
maze_u64 repeat_due_ns(const struct repeat *repeat);

#endif
