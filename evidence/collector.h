/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collects incidents for maze run and mazed. The caller passes records, and an engine
 * delivers process infos and stacks. The collector writes the incidents of all users.
 *
 * Reading the memory, mappings and files of a process may block forever. So each user has
 * a worker process (isolation/worker.h), which reads them and holds the open incidents of
 * that user. A blocked worker then costs only the incidents of its user. The collector
 * replaces a worker that misses its deadline. The replacement reads no process, because
 * this could block again.
 */
#ifndef MAZE_EVIDENCE_COLLECTOR_H
#define MAZE_EVIDENCE_COLLECTOR_H

#include "incident.h"

struct collector;

/*
 * Works like incidents_open(), but the option strings must live until collector_close().
 */
int collector_open(const struct incidents_options *options, struct collector **ret,
		   struct maze_error *error);
/*
 * Opens the process infos and stacks of an engine, which collector_work() then takes.
 * `maze` must outlive the collector. Call it at most once. `wants` is as in
 * maze_evidence_open(). If the engine takes no stacks, the workers take them by perf
 * events. -EOPNOTSUPP: this user has no perf events either; each incident has a note.
 */
int collector_follow(struct collector *collector, struct maze *maze,
		     const struct maze_evidence_wants *wants, struct maze_error *error);
void collector_record(struct collector *collector, const struct maze_record *record,
		      const char *engine, const char *rule, const struct maze_policy *policy);
/* Ignores the result of an action unless a record of its episode came before. */
void collector_action(struct collector *collector, const struct maze_record *record,
		      const struct episode_action *action);
void collector_process_info(struct collector *collector, const struct maze_process_info *recorded);
/* Ignores the stack unless a record or a process info of its episode came before. */
void collector_stack(struct collector *collector, const struct maze_stack *stack);
/* Works like incidents_work(), and also reports losses, at most every ten seconds. */
int collector_work(struct collector *collector, struct incident_messages *ret);
/* Returns a descriptor that is readable when collector_work() is due. */
int collector_fd(const struct collector *collector);
/*
 * Gives the workers at most six seconds to write the open incidents. Those without a file
 * are lost and counted. Ignores NULL.
 */
void collector_close(struct collector *collector, struct incident_messages *ret);

#endif
