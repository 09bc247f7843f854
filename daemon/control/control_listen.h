/* SPDX-License-Identifier: GPL-2.0-only */
/* Creates the control socket in the file system. */
#ifndef MAZE_DAEMON_CONTROL_LISTEN_H
#define MAZE_DAEMON_CONTROL_LISTEN_H

#include "../../lib/maze.h"

/*
 * A listening socket at `path` that all users may connect to. A socket on which no
 * program listens is replaced, another file is not. -EADDRINUSE: a program listens;
 * -errno; each with a message.
 */
int control_listen(const char *path, struct maze_error *error);

#endif
