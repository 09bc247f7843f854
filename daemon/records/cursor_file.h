/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saves mazed's position in the engine's records to a file, so that the next mazed
 * continues there. mazed first handles records and then saves the position. So if it is
 * killed in between, records are handled twice, but none is missed.
 */
#ifndef MAZE_DAEMON_CURSOR_FILE_H
#define MAZE_DAEMON_CURSOR_FILE_H

#include "../../lib/maze.h"

/* Opens or creates the file in directory `dir_fd`. Returns a descriptor or -errno. */
int cursor_file_open(int dir_fd);
/* Returns false if the file has no valid cursor. */
bool cursor_file_load(int fd, struct maze_cursor *ret_cursor);
/* Makes one system call. fsync(2) is not needed, because /run does not outlive a boot. */
int cursor_file_save(int fd, const struct maze_cursor *cursor);

#endif
