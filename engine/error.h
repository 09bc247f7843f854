/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leaving a sentence in a struct engine_error and returning its errno, in one go.
 */
#ifndef MAZE_ENGINE_ERROR_H
#define MAZE_ENGINE_ERROR_H

#include "engine.h"

/* Formats the sentence (error may be NULL) and returns `err` unchanged. */
int engine_fail(struct engine_error *error, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
