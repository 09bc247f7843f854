/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the rule of a subject (subject.h) for a scope. This is the first rule for that
 * scope whose conditions all hold; the rule of the unit comes before those of maze.conf.
 * These functions read nothing. Instead, they return the fact that they need next, so the
 * caller reads only the facts that the rules need.
 */
#ifndef MAZE_DAEMON_MATCH_H
#define MAZE_DAEMON_MATCH_H

#include <stdbool.h>

#include "rules.h"
#include "subject.h"

enum match {
	MATCH_NO,
	MATCH_YES,
	MATCH_MORE, /* another fact is needed */
};

/* With MATCH_MORE, *ret_missing is the cheapest unknown fact (FACT_*) of the rule. */
enum match match_rule(const struct rule *rule, const struct subject *subject,
		      unsigned int *ret_missing);
/*
 * Finds the rule of the unit of the subject, in any scope. With MATCH_NO, *ret_rule may be
 * a rule that never matches.
 */
enum match match_unit(const struct rules *rules, const struct subject *subject,
		      const struct rule **ret_rule, unsigned int *ret_missing);
/*
 * True if the rule selects single threads. Such a rule is for scope thread, also if it
 * has action = ignore.
 */
bool rule_selects_threads(const struct rule *rule);
/* With MATCH_YES, *ret_rule is the rule that matches. MATCH_NO: no rule matches. */
enum match match_first(const struct rules *rules, enum maze_policy_scope scope,
		       const struct subject *subject, const struct rule **ret_rule,
		       unsigned int *ret_missing);
/* Returns the facts (FACT_*) that all rules together need. */
unsigned int rules_facts_needed(const struct rules *rules);

#endif
