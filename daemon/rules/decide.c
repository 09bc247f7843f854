/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loop of decide() ends, because each iteration makes one more fact known or fails.
 */
#include "decide.h"

#include "match.h"

int decide(const struct rules *rules, enum maze_policy_scope scope,
	   const struct subject_source *source, struct subject *subject,
	   const struct rule **ret_rule, struct maze_error *error)
{
	const struct rule *rule = NULL;
	unsigned int missing;
	int err;

	while (match_first(rules, scope, subject, &rule, &missing) == MATCH_MORE) {
		err = subject_read(source, missing, subject, error);
		if (err)
			return err;
	}
	*ret_rule = rule;
	return 0;
}
