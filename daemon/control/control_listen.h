/* SPDX-License-Identifier: GPL-2.0-only */
/* Creates the control socket in the file system. */
#ifndef MAZE_DAEMON_CONTROL_LISTEN_H
#define MAZE_DAEMON_CONTROL_LISTEN_H

#include "../../lib/maze.h"

/*
 * Returns a listening socket at `path`, to which all users may connect. Replaces a socket
 * on which no program listens, but no other file. On failure returns -errno and a
 * message. -EADDRINUSE: another program listens there.
 */
int control_listen(const char *path, struct maze_error *error);

#endif
