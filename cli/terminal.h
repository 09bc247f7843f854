/* SPDX-License-Identifier: GPL-2.0-only */
/* The capabilities of the terminal on standard output. */
#ifndef MAZE_CLI_TERMINAL_H
#define MAZE_CLI_TERMINAL_H

#include <stdbool.h>

#include "report/shown.h"

/*
 * columns: of the terminal (COLUMNS overrides its size); 0: not a terminal. utf8: by the
 * locale; this call sets LC_CTYPE. *ret_bold: the terminal takes ANSI sequences, and
 * NO_COLOR is unset.
 */
void terminal_query(struct shown_terminal *ret_terminal, bool *ret_bold);

#endif
