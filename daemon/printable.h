/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text of others (names of processes, configuration files) on its way to a person:
 * control characters come out as \xNN, so that no terminal obeys them.
 */
#ifndef MAZE_DAEMON_PRINTABLE_H
#define MAZE_DAEMON_PRINTABLE_H

#include <stdio.h>

void printable_write(FILE *out, const char *text);

#endif
