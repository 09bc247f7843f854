/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This file implements the key `repeat` of maze.conf(5). A limit decides which records of
 * a rule are written to the log, and counts the others. Actions do not depend on it. The
 * caller passes the time of any clock that never goes back.
 *
 * An interval begins with the first record that is shown. The next interval begins with
 * the first record after the end of this interval.
 */
#ifndef MAZE_DAEMON_REPEAT_H
#define MAZE_DAEMON_REPEAT_H

#include <stdbool.h>

#include "../../lib/maze.h"

struct repeat;

/* The size of a name, enough for a rule's name (up to 64 bytes) and the record's user. */
#define REPEAT_NAME_SIZE 128

/* How many records were not shown in an interval that has ended. */
struct repeat_summary {
	char name[REPEAT_NAME_SIZE];
	maze_u64 hidden;
	maze_u64 time_ns; /* the length of the interval */
};

/* Returns NULL if memory is short. */
struct repeat *repeat_new(void);
void repeat_free(struct repeat *repeat);

/*
 * Returns whether to show a record of `name`, such as a rule and a user. The limit is
 * `count` records per `time_ns`. There is no limit if `count` is 0. A reload may change
 * the limit between calls, but a running interval keeps its length. If memory is short,
 * all records are shown.
 */
bool repeat_allows(struct repeat *repeat, const char *name, unsigned int count, maze_u64 time_ns,
		   maze_u64 now_ns);
/*
 * Returns true and the summary of one interval that has ended, or false if there is none.
 * Each summary is returned only once, so the caller repeats the call until it returns
 * false.
 */
bool repeat_summarize(struct repeat *repeat, maze_u64 now_ns, struct repeat_summary *ret_summary);
/* Returns the time when the next summary is due, or 0 if no records are hidden. */
maze_u64 repeat_due_ns(const struct repeat *repeat);

#endif
