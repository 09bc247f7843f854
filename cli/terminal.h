/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What standard output can show.
 */
#ifndef MAZE_CLI_TERMINAL_H
#define MAZE_CLI_TERMINAL_H

#include <stdbool.h>

#include "report/shown.h"

/*
 * Columns where it is a terminal (COLUMNS, if that is set, goes before what it says of
 * itself), and none else; UTF-8 by the locale, which this sets for characters.
 * *ret_bold: headings may be set off by ANSI sequences (not with NO_COLOR, nor dumb).
 */
void terminal_look(struct shown_terminal *ret_terminal, bool *ret_bold);

#endif
