/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the rule of a running process: match_first(), reading one more fact whenever it
 * needs one.
 */
#ifndef MAZE_DAEMON_DECIDE_H
#define MAZE_DAEMON_DECIDE_H

#include "rules.h"
#include "subject.h"

/*
 * *ret_rule is NULL when no rule matches: then the process is not watched. Fails as
 * subject_read() does. The subject keeps the facts.
 */
int decide(const struct rules *rules, const struct subject_source *source, struct subject *subject,
	   const struct rule **ret_rule, struct maze_error *error);

#endif
