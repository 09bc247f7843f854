/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rule is a subject's: the first of which every condition holds. Pure: reads
 * only what it is given, and says which fact it would need to go on, so that the
 * caller reads no more of a process than the rules ask about it.
 */
#ifndef MAZE_DAEMON_MATCH_H
#define MAZE_DAEMON_MATCH_H

#include <stdbool.h>

#include "rules.h"
#include "subject.h"

enum match {
	MATCH_NO,
	MATCH_YES,
	MATCH_MORE, /* not to be said before another fact is known */
};

/* On MATCH_MORE, *ret_missing is the cheapest fact (FACT_*) that could tell. */
enum match match_rule(const struct rule *rule, const struct subject *subject,
		      unsigned int *ret_missing);
/* MATCH_YES: *ret_rule is the rule. MATCH_NO: none is. */
enum match match_first(const struct rules *rules, const struct subject *subject,
		       const struct rule **ret_rule, unsigned int *ret_missing);
/* False if what is known of the subject speaks against the rule already. */
bool rule_could_match(const struct rule *rule, const struct subject *subject);
/* FACT_*: all that any of the rules asks for. */
unsigned int rules_facts_needed(const struct rules *rules);

#endif
