/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rule `a` covers rule `b` if each condition of `a` covers the condition of `b` with the
 * same key. If `a` comes first, `b` then never applies.
 */
#include "unused.h"

static bool rule_covers(const struct rule *a, const struct rule *b)
{
	const struct condition *condition;
	size_t i;

	for (i = 0; i < CONDITION_COUNT; i++) {
		if (!a->conditions[i].given)
			continue;
		condition = b->conditions[i].given ? &b->conditions[i] : NULL;
		if (!condition_keys[i].covers(&a->conditions[i], condition))
			return false;
	}
	return true;
}

void rules_note_unused(const struct rules *rules, struct problems *problems)
{
	const struct rule *earlier, *later;
	size_t i, k;

	for (i = 1; i < rules->count; i++) {
		later = &rules->rules[i];
		/* The administrator cannot remove a shipped rule. */
		if (later->shipped)
			continue;
		for (k = 0; k < i; k++) {
			earlier = &rules->rules[k];
			if (!rule_covers(earlier, later))
				continue;
			problems_add(problems, PROBLEM_NOTE, later->file, later->line, NULL,
				     "rule \"%s\" is never used: rule \"%s\" (%s:%u) comes first "
				     "and matches everything that it matches%s",
				     later->name, earlier->name, earlier->file, earlier->line,
				     earlier->facts ? "" : ", as it has no matching key");
			break;
		}
	}
}
