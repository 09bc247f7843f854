/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A value that is a list: words separated by blanks. A word with blanks in it
 * stands in double or single quotes; there are no escapes, so that a backslash
 * means to a glob what it always means. No word is empty unless it was quoted.
 */
#ifndef MAZE_DAEMON_WORDS_H
#define MAZE_DAEMON_WORDS_H

#include <stddef.h>

#include "../../lib/maze.h"

struct words {
	char **words; /* ended by NULL, so that it serves as an argv; NULL: no words */
	size_t count;
	char *text; /* what the words point into */
};

/* -EINVAL: a quote that does not end; -ENOMEM. No words at all is fine: count 0. */
int words_split(const char *text, struct words *ret_words, struct maze_error *error);
void words_done(struct words *words);

#endif
