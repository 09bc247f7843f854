/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of cgroups that mazed has frozen, in memory and in a file for the next mazed.
 * Each change writes a new file and renames it.
 */
#ifndef MAZE_DAEMON_FROZEN_H
#define MAZE_DAEMON_FROZEN_H

#include "../../lib/maze.h"

/* More frozen cgroups than this indicates a bug. */
#define FROZEN_MAX 1024

struct frozen_group {
	maze_u64 id;	  /* cgroup_id() */
	maze_u64 boot_ns; /* of the record that caused it */
	maze_u32 pid;	  /* of the process of that record */
	char *rule;	  /* "-": none */
	char *cgroup;
};

struct frozen {
	char *path;
	struct frozen_group *groups; /* oldest first */
	size_t count;
};

/* Reads the file if it exists. -EINVAL: a line is invalid. */
int frozen_open(const char *path, struct frozen **ret_frozen, struct maze_error *error);
void frozen_close(struct frozen *frozen);
/*
 * Adds or removes a group. On failure, returns -errno with a message and keeps the list.
 */
int frozen_add(struct frozen *frozen, const struct frozen_group *group, struct maze_error *error);
int frozen_remove(struct frozen *frozen, size_t index, struct maze_error *error);
/* The index of the group of that id; `count`: not found. */
size_t frozen_find(const struct frozen *frozen, maze_u64 id);

#endif
