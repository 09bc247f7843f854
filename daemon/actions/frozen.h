/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mazed has frozen, in memory and in a file, so that the next mazed knows too.
 * The file is written whole and renamed into place with each change.
 */
#ifndef MAZE_DAEMON_FROZEN_H
#define MAZE_DAEMON_FROZEN_H

#include "../../lib/maze.h"

/* Who freezes more than that has no machine any more, but one big bug. */
#define FROZEN_MAX 1024

struct frozen_group {
	maze_u64 id;	  /* of cgroup_id() */
	maze_u64 boot_ns; /* of the record for which it was frozen */
	maze_u32 pid;	  /* the process for which */
	char *rule;	  /* "-": none */
	char *cgroup;
};

struct frozen {
	char *path;
	struct frozen_group *groups; /* oldest first */
	size_t count;
};

/* Reads the file, if there is one. A line that is none of ours is an error, -EINVAL. */
int frozen_open(const char *path, struct frozen **ret_frozen, struct maze_error *error);
void frozen_close(struct frozen *frozen);
/* Each changes nothing when the file cannot be written. -errno with a sentence. */
int frozen_add(struct frozen *frozen, const struct frozen_group *group, struct maze_error *error);
int frozen_remove(struct frozen *frozen, size_t index, struct maze_error *error);
/* The group of that id; count if there is none. */
size_t frozen_find(const struct frozen *frozen, maze_u64 id);

#endif
