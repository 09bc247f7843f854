/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of bytes as POSIX writes them in brackets: [abc], [a-z], [^0-9], [[:alpha:]_].
 * A part of pattern.c of its own, because in brackets nothing has the meaning that
 * it has outside.
 */
#ifndef MAZE_DAEMON_PATTERN_SET_H
#define MAZE_DAEMON_PATTERN_SET_H

#include "../../../lib/maze.h"

/* Parses the set at *at, on its [, into bits; moves *at behind its ]. -EINVAL. */
int pattern_set_parse(const char **at, maze_u32 bits[8], struct maze_error *error);

#endif
