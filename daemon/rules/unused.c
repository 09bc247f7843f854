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

	if (a->never)
		return false;
	for (i = 0; i < CONDITION_COUNT; i++) {
		if (!a->conditions[i].given)
			continue;
		condition = b->conditions[i].given ? &b->conditions[i] : NULL;
		if (!condition_keys[i].covers(&a->conditions[i], condition))
			return false;
	}
	return true;
}

/*
 * The scopes in which the rule can have an effect. An `ignore` for all scopes has one only
 * where a later rule watches.
 */
static unsigned int scopes_with_effect(const struct rules *rules, size_t index)
{
	unsigned int scopes = 1U << MAZE_SCOPE_THREAD;
	size_t i;

	if (!rules->rules[index].ignore)
		return rules->rules[index].scopes;
	for (i = index + 1; i < rules->count; i++)
		if (!rules->rules[i].ignore)
			scopes |= rules->rules[i].scopes;
	return rules->rules[index].scopes & scopes;
}

void rules_note_unused(const struct rules *rules, struct problems *problems)
{
	const struct rule *earlier, *later;
	unsigned int scopes;
	size_t i, k;

	for (i = 1; i < rules->count; i++) {
		later = &rules->rules[i];
		/* The administrator cannot remove a shipped rule. */
		if (later->shipped)
			continue;
		scopes = scopes_with_effect(rules, i);
		for (k = 0; k < i; k++) {
			earlier = &rules->rules[k];
			if (scopes & ~earlier->scopes || !rule_covers(earlier, later))
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
