/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regular expressions of rules: POSIX extended ones, over bytes. Not regcomp(3),
 * because a process chooses the text that is searched: glibc's search can be made
 * to take seconds and hundreds of MB for expressions as harmless as "a.{0,80}b".
 * Here a search takes at most as many steps as the expression, written out, is
 * long, times the length of the text; and no memory.
 *
 * What POSIX leaves undefined is refused: empty alternatives, repetitions of
 * repetitions, \ before a letter or digit (back-references among them).
 */
#ifndef MAZE_DAEMON_PATTERN_H
#define MAZE_DAEMON_PATTERN_H

#include <stdbool.h>

#include "../../../lib/maze.h"

struct pattern;

/* -EINVAL with the reason, -ENOMEM. */
int pattern_compile(const char *text, struct pattern **ret_pattern, struct maze_error *error);
void pattern_free(struct pattern *pattern);
/* Whether the expression matches anywhere in the text. One thread at a time. */
bool pattern_matches(const struct pattern *pattern, const char *text);

#endif
