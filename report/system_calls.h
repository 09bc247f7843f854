/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and prints the key system_calls of an incident. */
#ifndef MAZE_REPORT_SYSTEM_CALLS_H
#define MAZE_REPORT_SYSTEM_CALLS_H

#include "json_reader.h"
#include "shown.h"

/* Returns false if there is no memory. Call system_calls_free() in either case. */
bool system_calls_read(struct json_reader *reader, const json_t *root, struct incident *incident);
void system_calls_free(struct incident *incident);
/* Continues a heading: a sentence, and then a line for each row. */
void system_calls_text(const struct incident_slice *slice, const struct shown_terminal *terminal,
		       FILE *out);

#endif
