/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The limits of the key `repeat` of maze.conf(5): which records of a rule are shown,
 * and how many were not. Only about what is written to the log; nothing that is done
 * depends on it. Pure: time is given in, CLOCK_BOOTTIME or any that never goes back.
 *
 * A rule's time begins with the first record that is shown, and the next one with the
 * first record after its end.
 */
#ifndef MAZE_DAEMON_REPEAT_H
#define MAZE_DAEMON_REPEAT_H

#include <stdbool.h>

#include "../../lib/maze.h"

struct repeat;

/* A rule's name (64 bytes at most), and what a record's user adds to it. */
#define REPEAT_NAME_SIZE 128

/* How many records of a rule were not shown, in the time that is over. */
struct repeat_summary {
	char name[REPEAT_NAME_SIZE];
	maze_u64 hidden;
	maze_u64 time_ns; /* the time, as the limit has it */
};

/* NULL: out of memory. */
struct repeat *repeat_new(void);
void repeat_free(struct repeat *repeat);

/*
 * Whether a record of that rule is to be shown, where `count` in `time_ns` may be; a
 * count of 0: all. The limit may change from call to call (a reload); the time that
 * has begun keeps its length. Without memory everything is shown.
 */
bool repeat_allows(struct repeat *repeat, const char *name, unsigned int count, maze_u64 time_ns,
		   maze_u64 now_ns);
/*
 * True with one rule of which something was not shown and whose time is over; each is
 * given once. To be called until it is false.
 */
bool repeat_summarize(struct repeat *repeat, maze_u64 now_ns, struct repeat_summary *ret_summary);
/* When the first of those that hide something is over; 0: none hides anything. */
maze_u64 repeat_due_ns(const struct repeat *repeat);

#endif
