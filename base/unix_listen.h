/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_BASE_UNIX_LISTEN_H
#define MAZE_BASE_UNIX_LISTEN_H

#include <sys/types.h>

#include "maze_error.h"

/*
 * Returns a listening socket at `path`, with this mode; 0: as the umask makes it. Replaces a
 * socket on which no program listens, but no other file. On failure returns -errno and a
 * message. -EADDRINUSE: another program listens there.
 */
int unix_listen(const char *path, mode_t mode, int backlog, struct maze_error *error);

#endif
