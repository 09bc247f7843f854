/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets or ends the watch of a process, or of one of its threads, as the rules require. */
#ifndef MAZE_DAEMON_APPLY_RULE_H
#define MAZE_DAEMON_APPLY_RULE_H

#include "cmdlines.h"
#include "group_tracker.h"
#include "unit_sections.h"
#include "../log/units.h"
#include "../rules/tag.h"
#include "../rules/rules.h"

/*
 * These masks select the watches that a rule may replace: those of rules, or those of
 * rules and users.
 */
#define RULES_MASK (~0ULL << TAG_KIND_SHIFT)
#define RULES_AND_USERS_MASK (~0ULL << (TAG_KIND_SHIFT + TAG_KIND_BITS_OF_RULES))

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
	struct group_tracker *groups;
	struct unit_sections *units;
	struct units *unit_names; /* of the log */
};

/* The policy of the watches of a rule. */
struct maze_policy rule_policy(const struct rule *rule);
/* Which watches the rule may replace. A rule in shadow replaces no watch of a user. */
maze_u64 rule_mask(const struct rule *rule);

/* Whether any rule selects single threads of a process. */
bool rules_tell_threads_apart(const struct rules *rules);
/*
 * Applies the rules to process `pid` and its groups, or only to its thread `tid` if `tid`
 * is not 0.
 * Returns 0, or -errno and a message. -ESRCH: the process has ended. -EPERM: the process
 * is never watched (init, kernel threads, maze). -EINPROGRESS: the command line, or the
 * section of the unit, is not yet read; call again after `cmdlines` or `units` has answered.
 */
int apply_rule(const struct rule_applier *applier, pid_t pid, pid_t tid,
	       const struct known_watch *known, struct maze_error *error);
/*
 * Ends the watch of process `pid`, or of its thread `tid` if `tid` is not 0. Does so only
 * if a rule in shadow has set the watch, or it is only observed. Then a user can watch the process, and
 * apply_rule() can set the rule's watch again later. Returns 0, or -errno and a message.
 */
int release_shadow_rules(const struct rule_applier *applier, pid_t pid, pid_t tid,
			 struct maze_error *error);

#endif
