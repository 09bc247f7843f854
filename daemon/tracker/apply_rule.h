/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets or ends the watch of a process, or of one of its threads, as the rules require. */
#ifndef MAZE_DAEMON_APPLY_RULE_H
#define MAZE_DAEMON_APPLY_RULE_H

#include "cmdlines.h"
#include "../rules/rules.h"

/*
 * What the caller knows about the current watch. This saves a system call if the watch
 * stays the same.
 */
struct known_watch {
	bool known;
	bool watched; /* with `tag` */
	maze_u64 tag;
};

struct rule_applier {
	struct maze *maze;
	const struct rules *rules;
	bool by_thread; /* the result of rules_tell_threads_apart() */
	struct cmdlines *cmdlines;
};

/* Whether any rule selects single threads of a process. */
bool rules_tell_threads_apart(const struct rules *rules);
/*
 * Applies the rules to process `pid`, or only to its thread `tid` if `tid` is not 0.
 * Returns 0, or -errno and a message. -ESRCH: the process has ended. -EPERM: the process
 * is never watched (init, kernel threads, maze). -EINPROGRESS: the command line is not
 * yet read; call again after `cmdlines` has answered.
 */
int apply_rule(const struct rule_applier *applier, pid_t pid, pid_t tid,
	       const struct known_watch *known, struct maze_error *error);
/*
 * Ends the watch of process `pid`, or of its thread `tid` if `tid` is not 0. Does so only
 * if a rule in shadow has set the watch. Then a user can watch the process, and
 * apply_rule() can set the rule's watch again later. Returns 0, or -errno and a message.
 */
int release_shadow_rules(const struct rule_applier *applier, pid_t pid, pid_t tid,
			 struct maze_error *error);

#endif
