/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Globs over bytes: `*` any bytes, `?` one byte, `[a-z]` and `[!a-z]` one of a set,
 * `\` takes the next byte as it is. Not fnmatch(3): names of processes are bytes,
 * not characters of a locale; a bad pattern is refused rather than taken for its
 * letters; and the time is bounded by pattern length times text length, whatever
 * a process calls itself.
 */
#ifndef MAZE_DAEMON_GLOB_H
#define MAZE_DAEMON_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "../../lib/maze.h"

/* 0, or -EINVAL with what is wrong with the pattern. */
int glob_check(const char *pattern, struct maze_error *error);
/* The pattern must have passed glob_check(). */
bool glob_matches(const char *pattern, const char *text);
bool glob_matches_bytes(const char *pattern, const char *text, size_t length);
/* True if the pattern stands for one text only: itself. */
bool glob_is_literal(const char *pattern);

#endif
