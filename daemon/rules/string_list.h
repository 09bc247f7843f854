/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A list is the value of a key, split into words at blanks. A word that has blanks must
 * be in quotes (" or '), and so must an empty word. A backslash is not an escape
 * character here, so it keeps its meaning in globs.
 */
#ifndef MAZE_DAEMON_STRING_LIST_H
#define MAZE_DAEMON_STRING_LIST_H

#include <stddef.h>

#include "../../lib/maze.h"

struct string_list {
	char **items; /* ends with NULL, like argv; may be NULL if count is 0 */
	size_t count;
	char *text; /* the bytes of all items */
};

/* Returns 0 (also without words), -EINVAL for a quote without end, or -ENOMEM. */
int string_list_split(const char *text, struct string_list *ret_list, struct maze_error *error);
void string_list_done(struct string_list *list);

#endif
