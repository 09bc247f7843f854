/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Says what an incident of a process would have, before there is one: for maze doctor. It
 * uses the code that incidents use.
 */
#ifndef MAZE_EVIDENCE_PROCESS_CHECK_H
#define MAZE_EVIDENCE_PROCESS_CHECK_H

#include <jansson.h>
#include <sys/types.h>

#include "../base/maze_error.h"

/*
 * Sets *ret_result to an object with pid, comm, program, user_id, language and checks,
 * where a fact that is unknown is missing. `checks` is an array of objects with check (its
 * name), ok and text. A worker process reads the process, with a deadline (-ETIME),
 * because such a read may block forever. The caller escapes the texts and frees the result.
 */
int process_check(pid_t pid, json_t **ret_result, struct maze_error *error);

#endif
