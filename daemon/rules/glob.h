/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Globs over bytes: `*` any bytes, `?` one byte, `[a-z]` and `[!a-z]` one of a set, `\`
 * takes the next byte literally. Not fnmatch(3): process names are bytes, not characters
 * of a locale; an invalid pattern is refused; and the time is bounded by pattern length
 * times text length.
 */
#ifndef MAZE_DAEMON_GLOB_H
#define MAZE_DAEMON_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "../../lib/maze.h"

/* 0, or -EINVAL and the reason. */
int glob_check(const char *pattern, struct maze_error *error);
/* The pattern must have passed glob_check(). */
bool glob_matches(const char *pattern, const char *text);
bool glob_matches_bytes(const char *pattern, const char *text, size_t length);
/* True if the pattern has no special characters. */
bool glob_is_literal(const char *pattern);

#endif
