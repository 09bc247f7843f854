/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A list is a value with words separated by blanks. A word with blanks is quoted by " or
 * '. A backslash keeps its meaning for globs, because there are no escapes. An empty word
 * needs quotes.
 */
#ifndef MAZE_DAEMON_STRING_LIST_H
#define MAZE_DAEMON_STRING_LIST_H

#include <stddef.h>

#include "../../lib/maze.h"

struct string_list {
	char **items; /* ends in NULL, as an argv; NULL: no words */
	size_t count;
	char *text; /* the bytes of all items */
};

/* Returns -EINVAL for a quote without end, or -ENOMEM. Without words, the count is 0. */
int string_list_split(const char *text, struct string_list *ret_list, struct maze_error *error);
void string_list_done(struct string_list *list);

#endif
