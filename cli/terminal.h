/* SPDX-License-Identifier: GPL-2.0-only */
/* The capabilities of the terminal, and text that fits its width. */
#ifndef MAZE_CLI_TERMINAL_H
#define MAZE_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#include "report/shown.h"

/* Returns the width of the terminal, or 0 if `fd` is none. $COLUMNS overrides the width. */
size_t terminal_columns(int fd);

/*
 * Writes the prefix, the text and a newline. Breaks lines at spaces so that they are not
 * wider than `width`, unless it is 0. Indents lines after the first by the length of the
 * prefix.
 */
void terminal_print(FILE *stream, size_t width, const char *prefix, const char *text);

/*
 * Sets `columns` to the width of the terminal on standard output, or to 80 if it is none.
 * $COLUMNS overrides both. Sets `utf8` if the locale uses UTF-8, and sets LC_CTYPE. Sets
 * *ret_bold if the terminal takes ANSI sequences and NO_COLOR is unset.
 */
void terminal_query(struct shown_terminal *ret_terminal, bool *ret_bold);

#endif
