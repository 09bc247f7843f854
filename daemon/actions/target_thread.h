/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opens the thread of a record, so that an action does not change a later thread with the
 * same TID.
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
 * `pidfd` refers to the record's process, or is -1 if that process has ended. Returns
 * -ESRCH and a message if the thread has ended, or if the thread that now has its TID
 * started after the record.
 */
int target_thread_open(const struct maze_record *record, int pidfd,
		       struct target_thread *ret_target, struct maze_error *error);
void target_thread_close(struct target_thread *target);
/* True if the thread still exists. */
bool target_thread_exists(const struct target_thread *target);
/*
 * Finds the path of a thread's cgroup; `tid` 0: of the main thread. The caller frees
 * *ret_cgroup. If the target exists after this call, the cgroup is the target's.
 */
int thread_cgroup(pid_t pid, pid_t tid, char **ret_cgroup, struct maze_error *error);

#endif
