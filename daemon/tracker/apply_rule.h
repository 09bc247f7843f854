/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets or ends the watch of a process, or of one of its threads, as the rules require. */
#ifndef MAZE_DAEMON_APPLY_RULE_H
#define MAZE_DAEMON_APPLY_RULE_H

#include "cmdlines.h"
#include "../rules/rules.h"

/*
 * What is known of the current watch, to save a system call if the watch stays the same.
 */
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

/* Whether any rule selects single threads of a process. */
bool rules_tell_threads_apart(const struct rules *rules);
/*
 * Applies the rules to process `pid`, or only to its thread `tid` if that is not 0.
 * Returns 0, or -errno and a message. -ESRCH: the process has ended. -EPERM: it is never
 * watched (init, kernel threads, maze). -EINPROGRESS: call again after `cmdlines` has
 * answered.
 */
int apply_rule(const struct rule_applier *applier, pid_t pid, pid_t tid,
	       const struct known_watch *known, struct maze_error *error);
/*
 * Ends the watch of process `pid`, or of its thread, if a rule in shadow has set it. Then
 * a user can watch the process. apply_rule() restores the watch. Errors are the same.
 */
int release_shadow_rules(const struct rule_applier *applier, pid_t pid, pid_t tid,
			 struct maze_error *error);

#endif
