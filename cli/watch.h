/* SPDX-License-Identifier: GPL-2.0-only */
/* The functions that maze watch and maze watch --wait share. */
#ifndef MAZE_CLI_WATCH_H
#define MAZE_CLI_WATCH_H

#include "session.h"

struct watch_targets {
	pid_t *pids;
	char **cgroups; /* paths, in place of PIDs; NULL: not of scope cgroup */
	int count;
};

/* Returns true and prints an error if `pid` executes this program. */
bool refuse_maze(const struct command *command, pid_t pid);
/* Watches one target. Returns false after an error message if that fails. */
bool watch_one(const struct command *command, const struct options *options, struct maze *maze,
	       const struct watch_targets *targets, int index, maze_u64 tag);

/* Performs maze watch --wait and returns its exit status. */
int watch_and_wait(const struct command *command, const struct options *options,
		   const struct watch_targets *targets);

#endif
