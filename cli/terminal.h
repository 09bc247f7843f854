/* SPDX-License-Identifier: GPL-2.0-only */
/* The capabilities of the terminal on standard output. */
#ifndef MAZE_CLI_TERMINAL_H
#define MAZE_CLI_TERMINAL_H

#include <stdbool.h>

#include "report/shown.h"

/*
 * Sets `columns` to the width of the terminal, or to 80 if standard output is not a
 * terminal. $COLUMNS overrides the width. Sets `utf8` if the locale uses UTF-8, and sets
 * LC_CTYPE. Sets *ret_bold if the terminal takes ANSI sequences and NO_COLOR is unset.
 */
void terminal_query(struct shown_terminal *ret_terminal, bool *ret_bold);

#endif
