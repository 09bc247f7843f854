/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the command line of a process. The kernel reads it from the memory of the
 * process, which can be a mapped file on a FUSE server that never answers, and such a
 * read cannot be interrupted. So a worker process (evidence/worker.h) reads it, with a
 * deadline.
 */
#ifndef MAZE_DAEMON_CMDLINE_H
#define MAZE_DAEMON_CMDLINE_H

#include "../../evidence/isolation/worker.h"
#include "subject.h"

/* Reading a command line that is in memory takes about 20 us. */
#define CMDLINE_DEADLINE_NS (2 * MAZE_NSEC_PER_SEC)
/* The interval of the deadline check. */
#define CMDLINE_CHECK_MS 250

/* Fills subject->cmdline. Waits until the deadline at most; then -ETIMEDOUT. */
int cmdline_read(const struct subject_source *source, struct subject *subject);

/* ---- the worker, for cmdlines.h ---------------------------------------------------- */

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

/* worker_start()'s `main`: answers each request, in order. */
void cmdline_worker(int fd, void *arg);
int cmdline_request(const struct subject_source *source, const struct subject *subject,
		    struct cmdline_request *ret_request);
int cmdline_send(struct worker *worker, const struct cmdline_request *request);
bool cmdline_is_late(struct worker *worker);

#endif
