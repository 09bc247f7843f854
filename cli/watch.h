/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two ways of maze watch share: the one that returns and the one that waits.
 */
#ifndef MAZE_CLI_WATCH_H
#define MAZE_CLI_WATCH_H

#include "session.h"

struct pid_list {
	pid_t *pids;
	int count;
};

/* Watches one process, or complains and returns false. */
bool watch_one(const struct command *command, const struct options *options, struct maze *maze,
	       pid_t pid, maze_u64 tag);

/* watch_wait.c: the exit status of maze watch --wait. */
int watch_and_wait(const struct command *command, const struct options *options,
		   const struct pid_list *pids);

#endif
