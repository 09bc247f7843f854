/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of a process. It is read from the memory of the process, which may lie in
 * a file of a FUSE server that never answers; the read then cannot be ended. So a worker
 * process (evidence/worker.h) reads it, with a deadline.
 */
#ifndef MAZE_DAEMON_CMDLINE_H
#define MAZE_DAEMON_CMDLINE_H

#include "../../evidence/isolation/worker.h"
#include "subject.h"

/* A command line that is in memory takes some 20 us. */
#define CMDLINE_DEADLINE_NS (2 * MAZE_NSEC_PER_SEC)
/* Between two checks of the deadline. */
#define CMDLINE_CHECK_MS 250

/* Waits, until the deadline at most; -ETIMEDOUT: it has passed. Into subject->cmdline. */
int cmdline_read(const struct subject_source *source, struct subject *subject);

/* ---- the worker, for cmdlines.h -------------------------------------------------------------- */

struct cmdline_request {
	pid_t pid, tid;
	maze_u64 start;
};

struct cmdline_answer {
	pid_t pid;
	int err;
	maze_u64 start;
	char text[SUBJECT_TEXT_SIZE];
};

/* worker_start()'s `main`: an answer to each request, in their order. */
void cmdline_worker(int fd, void *arg);
int cmdline_request(const struct subject_source *source, const struct subject *subject,
		    struct cmdline_request *ret_request);
int cmdline_ask(struct worker *worker, const struct cmdline_request *request);
bool cmdline_is_late(struct worker *worker);

#endif
