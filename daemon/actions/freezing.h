/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which control groups mazed may freeze: not those with which it would stop itself,
 * init, or what either depends on.
 */
#ifndef MAZE_DAEMON_FREEZING_H
#define MAZE_DAEMON_FREEZING_H

#include "../../lib/maze.h"

/* 0, or -EPERM with the sentence why not. */
int freezing_is_allowed(const char *cgroup, struct maze_error *error);

#endif
