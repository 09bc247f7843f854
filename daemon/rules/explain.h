/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The output of `mazed --check` and `mazed --explain PID`. Text from processes is
 * escaped.
 */
#ifndef MAZE_DAEMON_EXPLAIN_H
#define MAZE_DAEMON_EXPLAIN_H

#include <stdio.h>
#include <sys/types.h>

#include "rules.h"
#include "subject.h"

/*
 * Loads the rules from `path` and prints each problem and a summary. 0 (also with notes),
 * -EINVAL: refused, -ENOMEM.
 */
int explain_check(FILE *out, const char *path);

/*
 * Prints for each rule whether it matches the subject, and the result. `never`: why no
 * engine watches it under any rules, or NULL.
 */
void explain_subject(FILE *out, const struct rules *rules, const struct subject *subject,
		     const char *never);

/*
 * Reads the facts of process `pid` (of thread `tid` if not 0) as far as possible, and
 * explains them. Fails as subject_open() and subject_read() do; then nothing is printed.
 */
int explain_process(FILE *out, const struct rules *rules, pid_t pid, pid_t tid,
		    struct maze_error *error);

#endif
