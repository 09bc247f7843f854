/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets or ends the watch of a process, or of a thread of it, by its rule. */
#ifndef MAZE_DAEMON_APPLY_RULE_H
#define MAZE_DAEMON_APPLY_RULE_H

#include "cmdlines.h"
#include "../rules/rules.h"

/* The current watch as far as known; saves a call if it stays the same. */
struct known_watch {
	bool known;
	bool watched; /* with `tag` */
	maze_u64 tag;
};

struct rule_applier {
	struct maze *maze;
	const struct rules *rules;
	bool by_thread; /* rules_tell_threads_apart() */
	struct cmdlines *cmdlines;
};

/* Whether a rule selects single threads of a process. */
bool rules_tell_threads_apart(const struct rules *rules);
/*
 * Process `pid`, or with tid not 0 only that thread of it. 0: done, or no change needed;
 * -ESRCH: it has ended; -EPERM: never watched (init, kernel threads, maze); -EINPROGRESS:
 * call again when `cmdlines` has the answer; else -errno and a message.
 */
int apply_rule(const struct rule_applier *applier, pid_t pid, pid_t tid,
	       const struct known_watch *known, struct maze_error *error);
/*
 * Ends the watch of process `pid`, or of its thread, by a rule in shadow, so that a user
 * can watch it; apply_rule() restores the watch. Errors as there.
 */
int release_shadow_rules(const struct rule_applier *applier, pid_t pid, pid_t tid,
			 struct maze_error *error);

#endif
