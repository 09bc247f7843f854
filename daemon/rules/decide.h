/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rule a running process falls under: the search of match.h, reading one more
 * fact each time that it cannot go on without.
 */
#ifndef MAZE_DAEMON_DECIDE_H
#define MAZE_DAEMON_DECIDE_H

#include "rules.h"
#include "subject.h"

/*
 * *ret_rule is NULL when no rule matches: then the process is left alone. Fails as
 * subject_read() does. The subject keeps what was read.
 */
int decide(const struct rules *rules, const struct subject_source *source, struct subject *subject,
	   const struct rule **ret_rule, struct maze_error *error);

#endif
