/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the first process of a container, whose end makes the runtime restart it. */
#ifndef MAZE_DAEMON_CONTAINER_FIRST_H
#define MAZE_DAEMON_CONTAINER_FIRST_H

#include "../../../base/cgroup.h"

/*
 * `cgroup` is the control group of the container. The first process is PID 1 of a PID
 * namespace, and in the outermost one if namespaces are nested. A container without a PID
 * namespace of its own has none. There it is the oldest process whose parent is outside of
 * the control group: processes that were put into the container later (`docker exec`)
 * also have such a parent. Returns a pidfd, or -errno and a message.
 */
int container_first_open(const struct cgroup_fs *fs, const char *cgroup, pid_t *ret_pid,
			 struct maze_error *error);

#endif
