/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cgroups that mazed may freeze: those without mazed, init, and the ancestors of
 * mazed.
 */
#ifndef MAZE_DAEMON_FREEZING_H
#define MAZE_DAEMON_FREEZING_H

#include "../../lib/maze.h"

/* 0, or -EPERM and the reason. */
int freezing_is_allowed(const char *cgroup, struct maze_error *error);

#endif
