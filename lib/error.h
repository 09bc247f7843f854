/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leaving a sentence in a struct maze_error and returning its errno, in one go.
 */
#ifndef MAZE_LIB_ERROR_H
#define MAZE_LIB_ERROR_H

#include "maze.h"

/* Formats the sentence (error may be NULL) and returns `err` unchanged. */
int maze_fail(struct maze_error *error, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
