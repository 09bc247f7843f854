/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker: a child process that does what may block for ever, such as reading the memory or
 * the files of another process. It is reached by messages on a socket, and has a deadline.
 * A read that a FUSE server never answers is uninterruptible: SIGKILL does not end it. Such
 * a worker is left behind and counted; the caller never waits for it.
 */
#ifndef MAZE_EVIDENCE_WORKER_H
#define MAZE_EVIDENCE_WORKER_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "../../core/types.h"

/* Workers that are killed and have not ended; beyond these, none is started for a user. */
#define WORKERS_LEFT_MAX 8
/* And beyond these none for the caller's own user id: half of the room is kept for it. */
#define WORKERS_LEFT_OWN_MAX 16
/* Every worker that runs may come to be left, at most 16 at once. */
#define WORKERS_LEFT_ROOM 32

struct workers_left {
	struct {
		int pidfd;
		maze_u32 uid;
	} worker[WORKERS_LEFT_ROOM];
	size_t count;
};

/* Forgets those that have ended; how many are left. */
size_t workers_left_reap(struct workers_left *left);
bool workers_left_by(const struct workers_left *left, maze_u32 uid);
/* Whether another worker may be started that works for that user. */
bool workers_left_allow(const struct workers_left *left, maze_u32 uid);

struct worker {
	pid_t pid;
	int pidfd;
	int fd; /* the socket, non-blocking, one message a packet; -1: not running */
	bool expects;
	maze_u64 waited_ns, checked_ns, allowed_ns;
};

/*
 * Forks. The child has `main`'s socket, standard error and nothing else open, shares no
 * memory that can be written, and has all signals blocked; when `main` returns it ends.
 */
int worker_start(void (*main)(int fd, void *arg), void *arg, struct worker *ret_worker);
/* One message. 0; -EAGAIN: no room at the moment; -EPIPE: it has ended. Never waits. */
int worker_send(struct worker *worker, const struct iovec *parts, size_t count);
/* The size of one message; 0: it has ended; -EAGAIN: there is none. Never waits. */
ssize_t worker_receive(struct worker *worker, void *buf, size_t size);

/* An answer is due, within the deadline and what is allowed beside. */
void worker_expect(struct worker *worker, maze_u64 allowed_ns);
void worker_expect_nothing(struct worker *worker);
/*
 * Whether the deadline has passed. Time counts in steps of at most `step_ns`, from call to
 * call: if this process was stopped or the machine was paused, the worker was too. A step at
 * the end of which the worker waits for a CPU, or has one, counts for a twelfth.
 */
bool worker_is_late(struct worker *worker, maze_u64 deadline_ns, maze_u64 step_ns);

/* Closes the socket, upon which a worker ends, or kills it; it is among `left` until it has. */
void worker_leave(struct worker *worker, bool killed, maze_u32 uid, struct workers_left *left);

#endif
