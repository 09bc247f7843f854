/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and describes the key siblings of an incident: other threads that ran. */
#ifndef MAZE_REPORT_SIBLINGS_H
#define MAZE_REPORT_SIBLINGS_H

#include "json_reader.h"
#include "summary.h"

/* Returns false if there is no memory. Call siblings_free() in either case. */
bool siblings_read(struct json_reader *reader, const json_t *root, struct incident *incident);
void siblings_free(struct incident *incident);
/*
 * Writes "worker-2, 98 % of a CPU, in hash_name (names.h:33) in all 10 samples". Returns 0
 * or -ENOMEM.
 */
int sibling_describe(struct summary *summary, const struct incident *incident,
		     const struct incident_sibling *sibling);

#endif
