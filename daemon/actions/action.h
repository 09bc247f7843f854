/* SPDX-License-Identifier: GPL-2.0-only */
/* The interface of an action: a row of the table in actions.c. */
#ifndef MAZE_DAEMON_ACTION_H
#define MAZE_DAEMON_ACTION_H

#include "actions.h"
#include "cgroup.h"
#include "exec/commands.h"
#include "target_thread.h"
#include "frozen.h"

/* The state that actions share. */
struct actions {
	struct log *log;
	struct cgroup_fs cgroups; /* fd -1: no cgroups of version 2 */
	struct frozen *frozen;
	struct commands *commands;
};

struct action_result {
	bool tried;
	bool applied;
	bool logged;		/* the action writes the log itself */
	struct maze_error text; /* the result, or the reason of the failure; no full stop */
};

struct action {
	const char *name; /* as in the key of maze.conf(5), after the stage */
	bool (*wanted)(const struct stage_actions *stage);
	/* Also performed when the process is gone; then `target` is NULL. */
	bool needs_no_target;
	/* With MAZE_RECORD_SHADOW, performs all steps except the call that acts. */
	void (*perform)(struct actions *actions, const struct act_on *on,
			const struct target_thread *target, struct action_result *ret_result);
};

extern const struct action action_renice;
extern const struct action action_idle;
extern const struct action action_freeze;
extern const struct action action_exec;

static inline bool act_is_shadow(const struct act_on *on)
{
	return on->record->flags & MAZE_RECORD_SHADOW;
}

#endif
