/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the rule of a running process for a scope with match_first() (match.h). Whenever
 * match_first() needs another fact, decide() reads that fact and calls match_first()
 * again.
 */
#ifndef MAZE_DAEMON_DECIDE_H
#define MAZE_DAEMON_DECIDE_H

#include "rules.h"
#include "subject.h"

/*
 * *ret_rule is NULL if no rule matches. Returns 0 or an error of subject_read(). The
 * facts that were read stay in `subject`.
 */
int decide(const struct rules *rules, enum maze_policy_scope scope,
	   const struct subject_source *source, struct subject *subject,
	   const struct rule **ret_rule, struct maze_error *error);

#endif
