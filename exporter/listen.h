/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_EXPORTER_LISTEN_H
#define MAZE_EXPORTER_LISTEN_H

#include "../lib/maze.h"

/*
 * Listens at "127.0.0.1:11140", "[::1]:11140" or "/run/path.sock", or at the socket that
 * systemd passes if `address` is NULL and there is one; otherwise at the default address.
 * A unix socket of a program that has ended is replaced. Returns a descriptor or -errno.
 */
int listen_open(const char *address, struct maze_error *error);

#define LISTEN_DEFAULT "127.0.0.1:11140"

#endif
