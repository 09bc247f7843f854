/* SPDX-License-Identifier: GPL-2.0-only */
/* Puts a sentence into a struct maze_error and returns its errno, in one call. */
#ifndef MAZE_BASE_ERROR_H
#define MAZE_BASE_ERROR_H

#include "maze_error.h"

/* Formats the sentence (`error` may be NULL) and returns `err` unchanged. */
int maze_fail(struct maze_error *error, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
