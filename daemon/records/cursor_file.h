/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cursor is mazed's position in the engine's records. It is saved to a file, so that
 * mazed continues there after a restart. mazed first handles records and then saves the
 * cursor. So if mazed is killed in between, it handles some records twice, but misses
 * none.
 */
#ifndef MAZE_DAEMON_CURSOR_FILE_H
#define MAZE_DAEMON_CURSOR_FILE_H

#include "../../lib/maze.h"

/* Opens or creates the file in directory `dir_fd`. Returns a descriptor or -errno. */
int cursor_file_open(int dir_fd);
/* Returns false if the file has no valid cursor. */
bool cursor_file_load(int fd, struct maze_cursor *ret_cursor);
/* Makes one system call. fsync(2) is not needed, because /run is empty after a reboot. */
int cursor_file_save(int fd, const struct maze_cursor *cursor);

#endif
