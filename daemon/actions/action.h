/* SPDX-License-Identifier: GPL-2.0-only */
/* The interface of an action. Each action is a row of the table in actions.c. */
#ifndef MAZE_DAEMON_ACTION_H
#define MAZE_DAEMON_ACTION_H

#include "actions.h"
#include "../../base/cgroup.h"
#include "exec/commands.h"
#include "target_thread.h"
#include "frozen.h"

/* The state that actions share. */
struct actions {
	struct log *log;
	struct cgroup_fs cgroups; /* fd -1: no cgroups of version 2 */
	struct frozen *frozen;
	struct commands *commands;
	struct restarts *restarts;
};

struct action_result {
	bool tried;
	bool applied;
	bool logged;		/* the action itself logs the result */
	struct maze_error text; /* result or reason of the failure, without a full stop */
};

struct action {
	const char *name; /* the part after the stage in a key of maze.conf(5) */
	bool (*wanted)(const struct stage_actions *stage);
	/*
	 * If true, perform() also runs after the thread's end, with `target` NULL. If the
	 * record is of a control group, `target` is NULL for all actions.
	 */
	bool needs_no_target;
	/* For a record with MAZE_RECORD_SHADOW, makes all checks but changes nothing. */
	void (*perform)(struct actions *actions, const struct act_on *on,
			const struct target_thread *target, struct action_result *ret_result);
};

extern const struct action action_renice;
extern const struct action action_idle;
extern const struct action action_freeze;
extern const struct action action_restart;
extern const struct action action_exec;

static inline struct log_entry act_entry(const struct act_on *on)
{
	return (struct log_entry){ .record = on->record,
				   .engine = on->engine,
				   .rule = on->rule,
				   .cgroup = on->cgroup,
				   .unit = on->unit };
}

static inline bool act_is_on_cgroup(const struct act_on *on)
{
	return maze_record_scope(on->record) == MAZE_SCOPE_CGROUP;
}

static inline bool act_is_shadow(const struct act_on *on)
{
	return on->record->flags & MAZE_RECORD_SHADOW;
}

#endif
