/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and describes the key group of an incident: what used the most CPU time. */
#ifndef MAZE_REPORT_CONSUMERS_H
#define MAZE_REPORT_CONSUMERS_H

#include "json_reader.h"
#include "summary.h"

/*
 * Call it after the samples are read. Returns false if there is no memory. Call
 * consumers_free() in either case.
 */
bool consumers_read(struct json_reader *reader, const json_t *root, struct incident *incident);
void consumers_free(struct incident *incident);

/* Returns "process", "tree", "control group", or "group" if the scope is unknown. */
const char *consumers_scope(const struct incident *incident);
/* Writes "The tree of make (PID 1234)". */
void consumers_group(struct summary *summary, const struct incident *incident);
/* Writes the sentences about the largest consumer and its code location. */
void consumers_where(struct summary *summary, const struct incident *incident,
		     const struct stacks *stacks);
/* Writes "thread cc1 4321 of make 4320, 46 % of the CPU time". */
void consumer_describe(struct summary *summary, const struct incident *incident,
		       const struct incident_consumer *consumer);
/* Writes the facts about its process, unless the report has them already. */
void consumer_process(struct summary *summary, const struct incident *incident,
		      const struct incident_consumer *consumer);

#endif
