/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a record without its time, for outputs with a time of their own. */
#ifndef MAZE_LIB_RECORD_TEXT_H
#define MAZE_LIB_RECORD_TEXT_H

#include "maze.h"

/* Enough for the longest text of a record, durations and an escaped name. */
#define RECORD_TEXT_LEN 768

/*
 * Writes the text of maze_record_text() from the event on, escaped. `cgroup` and `rule` may
 * be NULL. Returns buf.
 */
const char *record_text_named(const struct maze_record *record, const char *engine,
			      const char *cgroup, const char *rule, char *buf, size_t size);

#endif
