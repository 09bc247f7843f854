/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_BASE_ERROR_H
#define MAZE_BASE_ERROR_H

#include "maze_error.h"

/* Formats the message into `error`, which may be NULL, and returns `err`. */
int maze_fail(struct maze_error *error, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
