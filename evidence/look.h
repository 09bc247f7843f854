/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks at a process that runs now, for a short time: an incident without a limit, a watch
 * or an engine. Nothing is sent to the process, and no thread of it is stopped.
 *
 * This process reads CPU times and counts system calls, which never waits for the process.
 * A worker (isolation/worker.h) reads the memory and the files of the process, which may
 * block forever.
 */
#ifndef MAZE_EVIDENCE_LOOK_H
#define MAZE_EVIDENCE_LOOK_H

#include <sys/types.h>

#include "../base/maze_error.h"
#include "../core/types.h"

#define LOOK_MIN_NS (100 * MAZE_NSEC_PER_MSEC)
#define LOOK_MAX_NS (60 * MAZE_NSEC_PER_SEC)

struct look_request {
	pid_t pid;
	pid_t tid; /* look at this thread only; 0: at the threads that run most */
	maze_u64 for_ns;
	int stop_fd; /* each packet of it, such as a signal of a signalfd(2), ends it earlier */
};

/*
 * Returns an incident without a record as JSON (maze-incident(5)), which the caller frees.
 * -ENODATA: no thread runs. -ESRCH: the process has ended. -EACCES: this user may not read
 * it. -EINVAL: a kernel thread. -ETIMEDOUT: it could not be read in time. -EINTR: stopped
 * before there was something to show. The error is a sentence about the process.
 */
int look_take(const struct look_request *request, char **ret_json, struct maze_error *error);

#endif
