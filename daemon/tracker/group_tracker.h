/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets and ends the watches of groups as the rules require. For each process that the
 * tracker examines, the first rule of each scope that matches applies.
 *
 * - Scope process: the process is a group.
 * - Scope tree: the process is the root of a tree, unless it is in a tree of the same
 *   rule. It is in one if an ancestor is the root of one.
 * - Scope cgroup: the control group of the process is watched. If several rules match its
 *   processes, the first of these rules applies. It stays watched when the process that
 *   matches ends or moves, until the next reload.
 */
#ifndef MAZE_DAEMON_GROUP_TRACKER_H
#define MAZE_DAEMON_GROUP_TRACKER_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/rules.h"

/*
 * Rules watch at most this many control groups whose directories belong to one user. A
 * user can make many, and mazed keeps descriptors of each.
 */
#define RULE_CGROUPS_PER_USER 256

struct group_tracker;

int group_tracker_open(sd_event *event, struct maze *maze, struct log *log,
		       struct group_tracker **ret_tracker);
/*
 * Uses new rules, and ends the groups of rules that are no longer in force. `rules` must
 * stay valid until the next call. Then the caller applies the rules to all processes and
 * calls group_tracker_sweep().
 */
void group_tracker_use(struct group_tracker *tracker, const struct rules *rules);
/* Ends all groups that are watched with this tag. */
void group_tracker_forget(struct group_tracker *tracker, maze_u64 tag);
/* Ends the groups of control groups that no process matches any more. */
void group_tracker_sweep(struct group_tracker *tracker);
/*
 * Applies the rules to the process. -ESRCH, -EPERM and -EINPROGRESS are as of
 * apply_rule().
 */
int group_tracker_apply(struct group_tracker *tracker, const struct subject_source *source,
			struct subject *subject, struct maze_error *error);
/* Applies the rule of the control group again. Call it after a user's watch has ended. */
void group_tracker_restore(struct group_tracker *tracker, maze_u64 cgroup_id);
/* The control groups of this machine. */
const struct cgroup_fs *group_tracker_cgroups(const struct group_tracker *tracker);
void group_tracker_close(struct group_tracker *tracker);

#endif
