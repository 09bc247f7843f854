/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mazed's position in the engine's records, in a file, so that the next mazed continues
 * there. It is saved after the records were handled: after a kill in between, records are
 * handled twice, but none is missed.
 */
#ifndef MAZE_DAEMON_CURSOR_FILE_H
#define MAZE_DAEMON_CURSOR_FILE_H

#include "../../lib/maze.h"

/* Opens or creates the file in directory `dir_fd`. A descriptor, or -errno. */
int cursor_file_open(int dir_fd);
/* Returns false if the file has no valid cursor. */
bool cursor_file_load(int fd, struct maze_cursor *ret_cursor);
/* One system call; no fsync(2), since /run does not outlive a boot. */
int cursor_file_save(int fd, const struct maze_cursor *cursor);

#endif
