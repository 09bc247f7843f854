/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mount and the files of cgroups of version 2. Paths are as in /proc/PID/cgroup, from
 * '/'.
 */
#ifndef MAZE_DAEMON_CGROUP_H
#define MAZE_DAEMON_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "../../lib/maze.h"

struct cgroup_fs {
	int fd; /* the root; -1: none */
};

/* -ENOENT: this machine has none. */
int cgroup_fs_open(struct cgroup_fs *ret_fs, struct maze_error *error);
void cgroup_fs_close(struct cgroup_fs *fs);

/* A descriptor of the cgroup's directory, or -errno; -EINVAL: invalid path. */
int cgroup_open(const struct cgroup_fs *fs, const char *path);
/* Identifies the cgroup and is never reused; 0: failed. */
maze_u64 cgroup_id(int fd);
/* Whether `path` is `other` or an ancestor of it. */
bool cgroup_contains(const char *path, const char *other);

/* Files of a cgroup. 0 or -errno; reading strips the last newline. */
int cgroup_read(int fd, const char *file, char *buf, size_t size);
int cgroup_write(int fd, const char *file, const char *text);
/* Whether systemd has delegated the cgroup. */
bool cgroup_is_delegated(int fd);

#endif
