/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decides which cgroups mazed may freeze. Such a cgroup must not contain mazed, an
 * ancestor of mazed, or init.
 */
#ifndef MAZE_DAEMON_FREEZING_H
#define MAZE_DAEMON_FREEZING_H

#include "../../lib/maze.h"

/* Returns 0 if mazed may freeze the cgroup, else -errno and the reason. */
int freezing_is_allowed(const char *cgroup, struct maze_error *error);

/*
 * Returns 0 if the cgroup `dir` contains only the group of the record, a process or a
 * tree, else -errno and the reason. A process of a tree must still have its root as an
 * ancestor.
 */
int freezing_is_alone(int dir, const struct maze_record *record, struct maze_error *error);

#endif
