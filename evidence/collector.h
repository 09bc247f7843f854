/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The incident collector of maze run and mazed: it takes records from its caller and
 * evidence from an engine, and writes incidents of all users.
 *
 * Capturing a process reads its memory, mappings and files, which may block forever. So
 * each user's incidents have a worker process (isolation/worker.h) with its own table of
 * open incidents: a blocked worker costs only the incidents of its user. A worker that
 * misses its deadline is left behind, and the next one reads no process. The calls are
 * those of incident.h.
 */
#ifndef MAZE_EVIDENCE_COLLECTOR_H
#define MAZE_EVIDENCE_COLLECTOR_H

#include "incident.h"

struct collector;

/* As incidents_open(); the options' strings are borrowed until collector_close(). */
int collector_open(const struct incidents_options *options, struct collector **ret,
		   struct maze_error *error);
/*
 * Takes process infos and stacks from this engine, which must outlive the collector.
 * Once. `wants` as in maze_evidence_open(). -EOPNOTSUPP: the engine has none, or -errno.
 */
int collector_follow(struct collector *collector, struct maze *maze,
		     const struct maze_evidence_wants *wants, struct maze_error *error);
void collector_record(struct collector *collector, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy);
void collector_process_info(struct collector *collector, const struct maze_process_info *recorded);
/* Ignored unless a record or a process info has named the stack's episode before. */
void collector_stack(struct collector *collector, const struct maze_stack *stack);
/* As incidents_work(); also reports losses, at most once in ten seconds and at the end. */
int collector_work(struct collector *collector, struct incident_messages *ret);
/* Readable when collector_work() is due. */
int collector_fd(const struct collector *collector);
/* Gives the workers at most six seconds to write what is open. NULL is fine. */
void collector_close(struct collector *collector, struct incident_messages *ret);

#endif
