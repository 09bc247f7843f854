/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The thread of a record, opened so that actions cannot hit another thread that has got
 * its TID.
 */
#ifndef MAZE_DAEMON_TARGET_THREAD_H
#define MAZE_DAEMON_TARGET_THREAD_H

#include <stdbool.h>

#include "../../lib/maze.h"

struct target_thread {
	pid_t pid;
	pid_t tid;
	int pidfd;   /* borrowed */
	int task_fd; /* the directory /proc/PID/task/TID */
};

/*
 * pidfd is of the record's process, or -1 if that has ended. -ESRCH and a message: the
 * thread has ended, or the thread with its TID started after the record.
 */
int target_thread_open(const struct maze_record *record, int pidfd,
		       struct target_thread *ret_target, struct maze_error *error);
void target_thread_close(struct target_thread *target);
/* Whether the thread still exists. */
bool target_thread_exists(const struct target_thread *target);

#endif
