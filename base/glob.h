/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Globs over bytes: `*` matches any bytes, `?` one byte, `[a-z]` one byte of a set, and
 * `[!a-z]` one byte outside of the set. `\` takes the next byte literally. fnmatch(3) is
 * not used, because it compares characters of the locale, accepts invalid patterns, and
 * has no bound on its time. Here the time is at most pattern length times text length.
 */
#ifndef MAZE_BASE_GLOB_H
#define MAZE_BASE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "maze_error.h"

/* Returns 0, or -EINVAL and the reason. */
int glob_check(const char *pattern, struct maze_error *error);
/* The pattern must have passed glob_check(). */
bool glob_matches(const char *pattern, const char *text);
bool glob_matches_bytes(const char *pattern, const char *text, size_t length);
/* True if the pattern has no special characters. */
bool glob_is_literal(const char *pattern);

#endif
