/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watches every process as the rules say, as soon as it matches one. All processes are
 * scanned, in portions, at the start and when the rules change; after that only the
 * processes for which the engine reports an event.
 *
 * Only mazed's own watches are replaced and ended. A rule that enforces replaces a user's
 * watch; a rule in shadow does not.
 */
#ifndef MAZE_DAEMON_TRACKER_H
#define MAZE_DAEMON_TRACKER_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/rules.h"

struct tracker;

/*
 * Starts. `rules` must stay until tracker_use() or tracker_close(). `on_scanned` is
 * called once after the start and once after each tracker_use(), when all processes have
 * been scanned. -errno and a message.
 */
int tracker_open(sd_event *event, struct maze *maze, struct log *log, const struct rules *rules,
		 void (*on_scanned)(void *arg), void *arg, struct maze_error *error,
		 struct tracker **ret_tracker);
/* Switches to new rules and scans all processes; the old rules may be freed. */
int tracker_use(struct tracker *tracker, const struct rules *rules, struct maze_error *error);
/* Applies the rules to a process, or a thread of it, after a user's watch has ended. */
void tracker_track(struct tracker *tracker, pid_t pid, pid_t tid);
/* release_shadow_rules(), by the rules in force. */
int tracker_release_shadow(struct tracker *tracker, pid_t pid, pid_t tid, struct maze_error *error);
void tracker_close(struct tracker *tracker);

#endif
