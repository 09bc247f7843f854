/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracker watches each process as soon as a rule matches it. At the start and when
 * the rules change, the tracker scans all processes in portions. After that, it handles
 * only processes for which the engine reports an event.
 *
 * The tracker replaces and ends only watches of mazed. A rule that enforces limits
 * replaces a user's watch, but a rule in shadow does not.
 */
#ifndef MAZE_DAEMON_TRACKER_H
#define MAZE_DAEMON_TRACKER_H

#include <systemd/sd-event.h>

#include "../bus/bus.h"
#include "../log/log.h"
#include "../rules/rules.h"
#include "rule_states.h"

struct tracker;

/*
 * `units` is for rules->units. rule_states_use() has used `rules`, here and for
 * tracker_use(). They must stay valid until tracker_use() or tracker_close(). `on_scanned`
 * is called when all processes have been scanned, once after the start and once after each
 * tracker_use(). Returns 0, or -errno and a message.
 */
int tracker_open(sd_event *event, struct maze *maze, struct log *log, struct bus *bus,
		 struct unit_rules *units, struct rule_states *rule_states,
		 const struct rules *rules, void (*on_scanned)(void *arg), void *arg,
		 struct maze_error *error, struct tracker **ret_tracker);
/*
 * Uses new rules and scans all processes. On success, the caller may free the old rules.
 */
int tracker_use(struct tracker *tracker, const struct rules *rules, struct maze_error *error);
/*
 * Applies the rules to process `pid`, or only to its thread `tid` if `tid` is not 0. Call
 * this after a user's watch has ended.
 */
void tracker_track(struct tracker *tracker, pid_t pid, pid_t tid);
/* Calls release_shadow_rules() (apply_rule.h) with the rules in force. */
int tracker_release_shadow(struct tracker *tracker, pid_t pid, pid_t tid, struct maze_error *error);
/* As tracker_track(), for a control group. */
void tracker_track_cgroup(struct tracker *tracker, maze_u64 cgroup_id);
void tracker_close(struct tracker *tracker);

#endif
