/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory of mazed's running state, /run/maze: what the next mazed finds when
 * this one was killed, and the lock that there is but one.
 */
#ifndef MAZE_DAEMON_RUNTIME_H
#define MAZE_DAEMON_RUNTIME_H

#include "../lib/maze.h"

/*
 * Opens the directory, made if need be, and takes the lock: a descriptor to keep open.
 * Where systemd gives one ($RUNTIME_DIRECTORY) it is that. -EBUSY: another mazed runs;
 * -EPERM: others may write there.
 */
int runtime_open(struct maze_error *error);
/* The directory's path. */
const char *runtime_path(void);

#endif
