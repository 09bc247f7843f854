/* SPDX-License-Identifier: GPL-2.0-only */
/* Not a part of the public API. */
#ifndef MAZE_LIB_WATCH_CHECK_H
#define MAZE_LIB_WATCH_CHECK_H

#include <sys/types.h>

#include "../base/maze_error.h"

/*
 * Returns 0 if the caller may watch the process, else the error of maze_watch() (maze.h).
 * Needs no engine and changes nothing.
 */
int watch_check(pid_t pid, struct maze_error *error);

#endif
