/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regular expressions of rules: POSIX extended ones, less what could make a
 * search take time or memory out of proportion to the text (4096 bytes) that is
 * searched. A pattern that was compiled here is safe to use on any process.
 */
#ifndef MAZE_DAEMON_PATTERN_H
#define MAZE_DAEMON_PATTERN_H

#include <regex.h>

#include "../lib/maze.h"

/* Long enough for any command line one would write down; see also pattern.c. */
#define PATTERN_LENGTH_MAX 1024

/* -EINVAL with the reason, -ENOMEM. The result is for regfree(3) and free(3). */
int pattern_compile(const char *pattern, regex_t **ret_regex, struct maze_error *error);

#endif
