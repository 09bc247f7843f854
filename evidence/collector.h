/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incidents of all users, each user's kept by a worker process of its own (worker.h), since
 * to look at a process is to read its memory, its mappings and its files, which may block
 * for as long as the user likes. What one user's threads do costs that user's incidents: a
 * worker has its own table of open incidents, and one that misses its deadline is left
 * behind and replaced by one that looks at no process. The interface is that of incident.h.
 */
#ifndef MAZE_EVIDENCE_COLLECTOR_H
#define MAZE_EVIDENCE_COLLECTOR_H

#include "incident.h"

struct collector;

/* As incidents_open(); texts and masks are borrowed until collector_close(). */
int collector_open(const struct incidents_options *options, struct collector **ret,
		   struct maze_error *error);
void collector_record(struct collector *collector, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy);
void collector_process_info(struct collector *collector, const struct maze_process_info *recorded);
/* A stack is its episode's, which a record or a process_info has to name first. */
void collector_stack(struct collector *collector, const struct maze_stack *stack);
/* As incidents_work(). */
int collector_work(struct collector *collector, struct incident_messages *ret);
/* Readable when collector_work() is to be called. */
int collector_fd(const struct collector *collector);
/* Lets the workers write what is open, for at most six seconds. NULL is fine. */
void collector_close(struct collector *collector, struct incident_messages *ret);

/* Incidents that were not kept or written, by any worker. */
maze_u64 collector_lost(const struct collector *collector);
/* Workers that missed their deadline and have not ended yet. */
size_t collector_left_behind(const struct collector *collector);

#endif
