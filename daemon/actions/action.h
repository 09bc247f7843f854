/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one action is to actions.c: a row of its table.
 */
#ifndef MAZE_DAEMON_ACTION_H
#define MAZE_DAEMON_ACTION_H

#include "actions.h"
#include "cgroup.h"
#include "exec/commands.h"
#include "target_thread.h"
#include "frozen.h"

/* What the actions share. */
struct actions {
	struct log *log;
	struct cgroup_fs cgroups; /* fd -1: there are none of version 2 here */
	struct frozen *frozen;
	struct commands *commands;
};

struct action_result {
	bool tried;
	bool applied;
	bool said;		/* by the action itself */
	struct maze_error text; /* what was done, or why it was not; no full stop */
};

struct action {
	const char *name; /* as the key of maze.conf(5), behind its stage */
	bool (*wanted)(const struct stage_actions *stage);
	/* Makes sense when the process is gone: culprit is NULL then. */
	bool needs_no_culprit;
	/* With MAZE_RECORD_SHADOW, everything but the call that acts. */
	void (*perform)(struct actions *actions, const struct act_on *on,
			const struct culprit *culprit, struct action_result *ret_result);
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
