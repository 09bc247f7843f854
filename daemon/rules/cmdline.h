/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the command line of a process. The kernel copies the command line from the memory
 * of that process. This memory can be a mapped file on a FUSE server that never answers,
 * and waiting for that server cannot be interrupted. So a worker process
 * (evidence/isolation/worker.h) makes the read, and mazed waits for the worker only until
 * a deadline.
 */
#ifndef MAZE_DAEMON_CMDLINE_H
#define MAZE_DAEMON_CMDLINE_H

#include "../../evidence/isolation/worker.h"
#include "subject.h"

/*
 * The maximum time of a read. If the command line is in memory, a read takes about 20 us.
 */
#define CMDLINE_DEADLINE_NS (2 * MAZE_NSEC_PER_SEC)
/* The interval at which the deadline is checked. */
#define CMDLINE_CHECK_MS 250

/* Fills subject->cmdline. Blocks, but returns -ETIMEDOUT when the deadline passes. */
int cmdline_read(const struct subject_source *source, struct subject *subject);

/* ---- the worker, as cmdlines.c uses it --------------------------------------------- */

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

/* The `main` of the worker, for worker_start(). It answers requests in order. */
void cmdline_worker(int fd, void *arg);
int cmdline_request(const struct subject_source *source, const struct subject *subject,
		    struct cmdline_request *ret_request);
int cmdline_send(struct worker *worker, const struct cmdline_request *request);
bool cmdline_is_late(struct worker *worker);

#endif
