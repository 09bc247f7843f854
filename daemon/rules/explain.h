/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The texts of `mazed --check` and `mazed --explain PID`. Whatever a process calls
 * itself, only printable text comes out.
 */
#ifndef MAZE_DAEMON_EXPLAIN_H
#define MAZE_DAEMON_EXPLAIN_H

#include <stdio.h>
#include <sys/types.h>

#include "rules.h"
#include "subject.h"

/*
 * Loads the rules from `path` as mazed would, prints line by line what is wrong and
 * what has no effect, then a summary. 0 (notes or not), -EINVAL: refused, -ENOMEM.
 */
int explain_check(FILE *out, const char *path);

/*
 * Prints how each rule in turn fares with the subject, and what follows. `never`: why no
 * engine watches it, whatever the rules are; or NULL.
 */
void explain_subject(FILE *out, const struct rules *rules, const struct subject *subject,
		     const char *never);

/*
 * Reads what may be read of process `pid` (of its thread `tid`, if not 0) and
 * explains it. Fails as subject_open() and subject_read() do; then nothing is printed.
 */
int explain_process(FILE *out, const struct rules *rules, pid_t pid, pid_t tid,
		    struct maze_error *error);

#endif
