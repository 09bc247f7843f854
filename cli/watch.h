/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by maze watch and maze watch --wait. */
#ifndef MAZE_CLI_WATCH_H
#define MAZE_CLI_WATCH_H

#include "session.h"

struct pid_list {
	pid_t *pids;
	int count;
};

/* Whether `pid` executes this program; if so, prints an error message. */
bool refuse_maze(const struct command *command, pid_t pid);
/* Watches one process; false after an error message. */
bool watch_one(const struct command *command, const struct options *options, struct maze *maze,
	       pid_t pid, maze_u64 tag);

/* Returns the exit status of maze watch --wait. */
int watch_and_wait(const struct command *command, const struct options *options,
		   const struct pid_list *pids);

#endif
