/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Formats a record as texts such as MAZE_PID=123. They become fields of journal entries,
 * and environment variables of commands that mazed runs. Values are escaped
 * (base/escape.h).
 */
#ifndef MAZE_DAEMON_RECORD_FIELDS_H
#define MAZE_DAEMON_RECORD_FIELDS_H

#include <stddef.h>

#include "log.h"

#define RECORD_FIELDS_MAX 40

struct record_fields {
	const char *fields[RECORD_FIELDS_MAX + 1]; /* ends with NULL; points into `text` */
	size_t count;
	char text[3072];
};

void record_fields_format(const struct log_entry *entry, struct record_fields *ret_fields);

#endif
