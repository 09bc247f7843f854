/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which cgroups mazed may freeze: none that contains mazed, init, or an ancestor of
 * mazed.
 */
#ifndef MAZE_DAEMON_FREEZING_H
#define MAZE_DAEMON_FREEZING_H

#include "../../lib/maze.h"

/* 0, or -EPERM and the reason. */
int freezing_is_allowed(const char *cgroup, struct maze_error *error);

#endif
