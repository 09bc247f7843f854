/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What maze observe has seen: the streaks of each program (core/streaks.h), with the units
 * and users of its processes, as JSON and as a table.
 */
#ifndef MAZE_CLI_OBSERVATION_H
#define MAZE_CLI_OBSERVATION_H

#include <jansson.h>

#include "lib/maze.h"

struct observed {
	struct maze_streaks streaks;
	char *exe;		   /* path of the program; NULL: unknown */
	json_t *units, *users;	   /* names, not all if there are many */
	maze_u32 pid, running_pid; /* processes of which the names are known */
};

/* Begin with {0}. */
struct observation {
	struct observed *classes;
	size_t count;
	maze_u64 from_ns; /* CLOCK_BOOTTIME */
};

/* Reads the streaks so far, and the names of processes that run. 0 or -errno. */
int observation_update(struct observation *observation, struct maze *maze,
		       struct maze_error *error);
/* Returns the object that maze(1) describes. NULL: out of memory. */
json_t *observation_json(const struct observation *observation, const char *engine);
/* The shortest streak of the bucket with that percentile, in 1/1000. 0: no streak. */
maze_u64 observation_percentile(const struct maze_streaks *streaks, unsigned int permille);
/* Returns the program with the longest streak, finished or not. NULL: none has one. */
const struct observed *observation_longest(const struct observation *observation);
maze_u64 observed_longest_ns(const struct observed *observed);
void observation_print(const struct observation *observation);
void observation_free(struct observation *observation);

#endif
