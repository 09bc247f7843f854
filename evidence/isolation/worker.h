/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker is a child process for work that may block forever, such as reading the memory
 * or the files of another process. It gets messages on a socket and has a deadline.
 * SIGKILL does not end a worker in an uninterruptible read that a FUSE server never
 * answers. So the caller does not wait for a late worker: it leaves the worker behind and
 * counts it.
 */
#ifndef MAZE_EVIDENCE_WORKER_H
#define MAZE_EVIDENCE_WORKER_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "../../core/types.h"

/* While this many left workers run, only the caller's own user gets a new worker. */
#define WORKERS_LEFT_MAX 8
/* The limit for the caller's own user is twice as high. */
#define WORKERS_LEFT_OWN_MAX 16
/* The list also has room for 16 running workers, because each may be left behind. */
#define WORKERS_LEFT_ROOM 32

struct workers_left {
	struct {
		int pidfd;
		maze_u32 uid;
	} worker[WORKERS_LEFT_ROOM];
	size_t count;
};

/* Removes the workers that have ended. Returns how many remain. */
size_t workers_left_reap(struct workers_left *left);
bool workers_left_by(const struct workers_left *left, maze_u32 uid);
/* Whether another worker may start for this user. */
bool workers_left_allow(const struct workers_left *left, maze_u32 uid);

struct worker {
	pid_t pid;
	int pidfd;
	int fd; /* non-blocking socket, one packet per message; -1: not running */
	bool expects;
	maze_u64 waited_ns, checked_ns, allowed_ns;
};

/*
 * Forks the worker, which runs `main` and exits when `main` returns. Only the socket, the
 * descriptors in `keep` (-1: none) and standard error are open in the worker. It shares no
 * writable memory and blocks all signals.
 */
#define WORKER_KEEP_MAX 4
int worker_start(void (*main)(int fd, void *arg), void *arg, const int *keep, size_t count,
		 struct worker *ret_worker);
/* Sends one message. Returns 0, -EAGAIN if there is no room, or -EPIPE after the end. */
int worker_send(struct worker *worker, const struct iovec *parts, size_t count);
/* Returns the size of a message, 0 after the end, or -EAGAIN if there is none. */
ssize_t worker_receive(struct worker *worker, void *buf, size_t size);

/* Begins to wait for an answer, for at most the deadline plus `allowed_ns`. */
void worker_expect(struct worker *worker, maze_u64 allowed_ns);
void worker_expect_nothing(struct worker *worker);
/*
 * Whether the deadline has passed. The time between two calls counts as at most
 * `step_ns`, because a pause of this process or the machine may have paused the worker
 * too. If the worker is runnable at the call, only a twelfth of the time counts.
 */
bool worker_is_late(struct worker *worker, maze_u64 deadline_ns, maze_u64 step_ns);

/*
 * Closes the socket, which ends the worker. With `killed` it also kills the worker. The
 * worker stays in `left` until it has ended.
 */
void worker_leave(struct worker *worker, bool killed, maze_u32 uid, struct workers_left *left);

#endif
