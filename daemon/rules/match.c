/* SPDX-License-Identifier: GPL-2.0-only */
/* Conditions are in the order of cost, so the first unknown fact is the cheapest. */
#include "match.h"

#include <string.h>

#include "unit_rules.h"

bool rule_selects_threads(const struct rule *rule)
{
	const struct condition *condition = &rule->conditions[CONDITION_THREAD];

	return condition->given &&
	       !(condition->words.count == 1 && !strcmp(condition->words.items[0], "all"));
}

enum match match_rule(const struct rule *rule, const struct subject *subject,
		      unsigned int *ret_missing)
{
	unsigned int missing = 0;
	size_t i, which;

	if (rule->never)
		return MATCH_NO;
	for (i = 0; i < CONDITION_COUNT; i++) {
		if (!rule->conditions[i].given)
			continue;
		if (!(subject->known & condition_keys[i].fact)) {
			if (!missing)
				missing = condition_keys[i].fact;
		} else if (!condition_keys[i].holds(&rule->conditions[i], subject, &which)) {
			return MATCH_NO;
		}
	}
	if (!missing)
		return MATCH_YES;
	*ret_missing = missing;
	return MATCH_MORE;
}

enum match match_unit(const struct rules *rules, const struct subject *subject,
		      const struct rule **ret_rule, unsigned int *ret_missing)
{
	*ret_rule = NULL;
	if (!rules->units)
		return MATCH_NO;
	if (!(subject->known & FACT_CGROUP)) {
		*ret_missing = FACT_CGROUP;
		return MATCH_MORE;
	}
	*ret_rule = unit_rules_of_cgroup(rules->units, subject->cgroup);
	return *ret_rule && !(*ret_rule)->never ? MATCH_YES : MATCH_NO;
}

enum match match_first(const struct rules *rules, enum maze_policy_scope scope,
		       const struct subject *subject, const struct rule **ret_rule,
		       unsigned int *ret_missing)
{
	const struct rule *of_unit;
	enum match match = match_unit(rules, subject, &of_unit, ret_missing);
	size_t i;

	if (match == MATCH_MORE)
		return match;
	if (match == MATCH_YES && of_unit->scopes >> scope & 1) {
		*ret_rule = of_unit;
		return match;
	}
	for (i = 0; i < rules->count; i++) {
		if (!(rules->rules[i].scopes >> scope & 1))
			continue;
		match = match_rule(&rules->rules[i], subject, ret_missing);
		if (match == MATCH_YES)
			*ret_rule = &rules->rules[i];
		if (match != MATCH_NO)
			return match;
	}
	return MATCH_NO;
}

unsigned int rules_facts_needed(const struct rules *rules)
{
	unsigned int facts = rules->units ? FACT_CGROUP : 0;
	size_t i;

	for (i = 0; i < rules->count; i++)
		facts |= rules->rules[i].facts;
	return facts;
}

const struct rule *rules_by_tag(const struct rules *rules, maze_u64 tag)
{
	size_t i;

	for (i = 0; i < rules->count; i++)
		if (rules->rules[i].tag == tag)
			return &rules->rules[i];
	return rules->units ? unit_rules_by_tag(rules->units, tag) : NULL;
}

unsigned int rules_scopes(const struct rules *rules)
{
	return rules->scopes | (rules->units ? unit_rules_scopes(rules->units) : 0);
}
