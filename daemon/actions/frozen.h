/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of the cgroups that mazed has frozen. mazed keeps it in memory, and in a file
 * for the next mazed. Each change writes a new file and renames it to the old name.
 */
#ifndef MAZE_DAEMON_FROZEN_H
#define MAZE_DAEMON_FROZEN_H

#include "../../lib/maze.h"

/* The maximum number of frozen cgroups. More would indicate a bug. */
#define FROZEN_MAX 1024

struct frozen_group {
	maze_u64 id;	  /* cgroup_id() */
	maze_u64 boot_ns; /* of the record that caused the freeze */
	maze_u32 pid;	  /* of that record's process */
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
 * Both change the list in memory and in the file. On failure, they return -errno and a
 * message, and the list stays unchanged.
 */
int frozen_add(struct frozen *frozen, const struct frozen_group *group, struct maze_error *error);
int frozen_remove(struct frozen *frozen, size_t index, struct maze_error *error);
/* Returns the index of the group with this ID, or `count` if there is none. */
size_t frozen_find(const struct frozen *frozen, maze_u64 id);

#endif
