/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opens, reads and writes cgroups of version 2. The path of a cgroup begins with '/', and
 * is that below the mount of the tree. In a cgroup namespace, such as that of a container,
 * where the tree around it is mounted too, it is that which the host has.
 */
#ifndef MAZE_BASE_CGROUP_H
#define MAZE_BASE_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../core/types.h"
#include "maze_error.h"

struct cgroup_fs {
	int fd; /* the root cgroup; -1: none */
};

/* Opens the root cgroup. -ENOENT: no cgroups of version 2 are mounted. */
int cgroup_fs_open(struct cgroup_fs *ret_fs, struct maze_error *error);
void cgroup_fs_close(struct cgroup_fs *fs);

/*
 * Makes a path of that in /proc/PID/cgroup, which begins at the root of the reader's
 * namespace. Outside of the mount, it stays as it is. Returns 0 or -ENAMETOOLONG.
 */
int cgroup_path_in_mount(char *path, size_t size);

/* Returns a descriptor of the cgroup's directory, or -errno. -EINVAL: invalid path. */
int cgroup_open(const struct cgroup_fs *fs, const char *path);
/* Reads the path of the cgroup with this directory. False: unknown. */
bool cgroup_path(const struct cgroup_fs *fs, int dir, char path[PATH_MAX]);
/* Returns an ID that identifies the cgroup and is never reused. 0: failed. */
maze_u64 cgroup_id(int fd);
/* Gets the ID of the cgroup and the owner of its directory. False: it does not exist. */
bool cgroup_stat(const struct cgroup_fs *fs, const char *path, maze_u64 *ret_id, uid_t *ret_owner);
/* True if `path` is `other` or an ancestor of `other`. */
bool cgroup_contains(const char *path, const char *other);

/* A user can fill a delegated cgroup. A walk of so many takes less than 200 ms. */
#define CGROUP_WALK_DIRECTORIES_MAX 4096
#define CGROUP_WALK_PROCESSES_MAX 32768

/*
 * Calls each(pid) for each process in the cgroup and in those below it, until it returns
 * false. A PID of 0 is a process of an outer PID namespace. Returns false if not all could
 * be read: for lack of files or memory, in a threaded cgroup, below 32 levels, or beyond
 * the maximum of directories or processes. Then any process may be missing.
 */
bool cgroup_each_process(int dir, bool (*each)(pid_t pid, void *arg), void *arg);

/* Both return 0 or -errno. cgroup_read() strips the last newline of the file. */
int cgroup_read(int fd, const char *file, char *buf, size_t size);
int cgroup_write(int fd, const char *file, const char *text);
/*
 * True if cpu.max of the cgroup or of an ancestor has a quota. Reads at most the first 32
 * levels of the path. A file that cannot be read counts as no quota.
 */
bool cgroup_has_cpu_quota(const struct cgroup_fs *fs, const char *path);
/* True if systemd has delegated the cgroup. */
bool cgroup_is_delegated(int fd);

#endif
