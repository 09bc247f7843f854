/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The runtime directory, /run/maze: the state for the next mazed, and the lock of the
 * only one.
 */
#ifndef MAZE_DAEMON_RUNTIME_H
#define MAZE_DAEMON_RUNTIME_H

#include "../lib/maze.h"

/*
 * Creates the directory if needed, opens and locks it: a descriptor to keep open.
 * systemd's $RUNTIME_DIRECTORY takes precedence. -EBUSY: another mazed runs; -EPERM:
 * other users may write there.
 */
int runtime_open(struct maze_error *error);
const char *runtime_path(void);

#endif
