/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups of version 2: where they are mounted, and their files. Paths of
 * groups are as in /proc/PID/cgroup, from '/'.
 */
#ifndef MAZE_DAEMON_CGROUP_H
#define MAZE_DAEMON_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "../../lib/maze.h"

struct cgroup_fs {
	int fd; /* its root; -1: there is none */
};

/* -ENOENT: this machine has none. */
int cgroup_fs_open(struct cgroup_fs *ret_fs, struct maze_error *error);
void cgroup_fs_close(struct cgroup_fs *fs);

/* The directory of a group as a descriptor, or -errno; -EINVAL: no such path may be. */
int cgroup_open(const struct cgroup_fs *fs, const char *path);
/* Names the group as long as it is, and never another: 0 is none. */
maze_u64 cgroup_id(int fd);
/* Whether group `path` is `other`, or has it below itself. */
bool cgroup_contains(const char *path, const char *other);

/* Files of a group. Return 0 or -errno; what is read loses its newline at the end. */
int cgroup_read(int fd, const char *file, char *buf, size_t size);
int cgroup_write(int fd, const char *file, const char *text);
/* Whether systemd has left the group to who is in it. */
bool cgroup_is_delegated(int fd);

#endif
