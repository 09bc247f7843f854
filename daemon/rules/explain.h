/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints what `mazed --check` and `mazed --explain PID` show. Escapes text of processes.
 */
#ifndef MAZE_DAEMON_EXPLAIN_H
#define MAZE_DAEMON_EXPLAIN_H

#include <stdio.h>
#include <sys/types.h>

#include "rules.h"
#include "subject.h"

/*
 * Loads the rules from `path`, and prints each problem and a summary. Returns 0 (even
 * with notes), -EINVAL if the rules are refused, or -ENOMEM.
 */
int explain_check(FILE *out, const char *path);

/*
 * Prints for each rule whether it matches the subject, and which rule applies. `never` is
 * the reason why no engine can watch the subject, or NULL.
 */
void explain_subject(FILE *out, const struct rules *rules, const struct subject *subject,
		     const char *never);

/*
 * Explains process `pid`, or its thread `tid` if that is not 0, from all facts that can
 * be read. Returns an error of subject_open() or subject_read() and then prints nothing.
 */
int explain_process(FILE *out, const struct rules *rules, pid_t pid, pid_t tid,
		    struct maze_error *error);

#endif
