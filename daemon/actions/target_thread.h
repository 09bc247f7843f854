/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The thread that a record is about, held so that it can be acted upon: never another
 * that got its number since.
 */
#ifndef MAZE_DAEMON_CULPRIT_H
#define MAZE_DAEMON_CULPRIT_H

#include <stdbool.h>

#include "../../lib/maze.h"

struct culprit {
	pid_t pid;
	pid_t tid;
	int pidfd;   /* the caller's */
	int task_fd; /* the directory /proc/PID/task/TID */
};

/*
 * pidfd is of the record's process, or -1 if that is gone. -ESRCH with a sentence: the
 * thread has ended, or what has its number now began after the record.
 */
int culprit_open(const struct maze_record *record, int pidfd, struct culprit *ret_culprit,
		 struct maze_error *error);
void culprit_close(struct culprit *culprit);
/* Whether it has not ended since. */
bool culprit_is_there(const struct culprit *culprit);

#endif
