/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The runtime directory, /run/maze, has the state that mazed needs after a restart. mazed
 * locks the directory, so that only one mazed runs.
 */
#ifndef MAZE_DAEMON_RUNTIME_H
#define MAZE_DAEMON_RUNTIME_H

#include "../lib/maze.h"

/*
 * Creates the directory if needed, opens it and locks it. Returns a descriptor that holds
 * the lock. $RUNTIME_DIRECTORY, which systemd sets, takes precedence over /run/maze.
 * Returns -EBUSY if another mazed runs, and -EPERM if other users may write to the
 * directory.
 */
int runtime_open(struct maze_error *error);
const char *runtime_path(void);

#endif
