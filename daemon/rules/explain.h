/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints the output of `mazed --check` and `mazed --explain PID`. Escapes text that comes
 * from processes.
 */
#ifndef MAZE_DAEMON_EXPLAIN_H
#define MAZE_DAEMON_EXPLAIN_H

#include <stdio.h>
#include <sys/types.h>

#include "rules.h"
#include "subject.h"

/*
 * Loads the rules as rules_load() does, and prints each problem and a summary. Returns
 * -EINVAL if the rules are refused, -ENOMEM, or 0 even if there are notes.
 */
int explain_check(FILE *out, const char *shipped, const char *path);

/*
 * Prints whether each rule matches the subject, up to the rule that applies. `never` is
 * the reason why no engine can watch the subject, or NULL.
 */
void explain_subject(FILE *out, const struct rules *rules, const struct subject *subject,
		     const char *never);

/*
 * Explains process `pid`, or its thread `tid` if `tid` is not 0, from all facts that can
 * be read. If subject_open() or subject_read() fails, returns the error and prints
 * nothing.
 */
int explain_process(FILE *out, const struct rules *rules, pid_t pid, pid_t tid,
		    struct maze_error *error);

/*
 * Writes why no process is watched, and what to write into the configuration `path`.
 * `cgroup` is the control group of mazed, as in struct subject.
 */
void explain_no_match(const struct rules *rules, const char *cgroup, const char *path, char *buf,
		      size_t size);

#endif
