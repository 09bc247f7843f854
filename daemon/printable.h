/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text of others (names of processes, configuration files) on its way to a person:
 * control characters come out as \xNN, so that no terminal obeys them.
 */
#ifndef MAZE_DAEMON_PRINTABLE_H
#define MAZE_DAEMON_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

void printable_write(FILE *out, const char *text);
/*
 * The same into a buffer, and stricter: what comes out is UTF-8 whatever went in,
 * because a log is read by programs too. Cut at the end where it is longer, between
 * characters. Returns buf.
 */
const char *printable_copy(char *buf, size_t size, const char *text);

#endif
