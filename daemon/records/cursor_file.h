/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where mazed is in the engine's records, kept in a file, so that the next mazed goes
 * on where this one was killed. Written after a record has been dealt with: so a kill
 * in between makes a record be dealt with twice, and never not at all.
 */
#ifndef MAZE_DAEMON_PLACE_H
#define MAZE_DAEMON_PLACE_H

#include "../../lib/maze.h"

/* A descriptor of the file in directory `dir_fd`, made if need be; or -errno. */
int cursor_file_open(int dir_fd);
/* False: nothing, or nothing whole, was kept. */
bool cursor_file_load(int fd, struct maze_cursor *ret_cursor);
/* Costs one system call; goes no further than the page cache, as /run does anyway. */
int cursor_file_save(int fd, const struct maze_cursor *cursor);
/* The engine is gone, and its records with it. */
void cursor_file_forget(int dir_fd);

#endif
