/* SPDX-License-Identifier: GPL-2.0-only */
/* The control socket in the file system. */
#ifndef MAZE_DAEMON_CONTROL_LISTEN_H
#define MAZE_DAEMON_CONTROL_LISTEN_H

#include "../../lib/maze.h"

/*
 * A listening socket at `path`, for everybody. One that nobody listens on any more is
 * replaced; what is no socket is not. -EADDRINUSE: somebody does; else -errno; each with
 * a sentence.
 */
int control_listen(const char *path, struct maze_error *error);

#endif
