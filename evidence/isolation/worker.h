/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker is a child process for work that may block forever, such as reading the memory
 * or the files of another process. It gets messages on a socket and has a deadline.
 * SIGKILL does not end a worker in an uninterruptible read that a FUSE server never
 * answers. Such a worker is left behind and counted; the caller never waits for it.
 */
#ifndef MAZE_EVIDENCE_WORKER_H
#define MAZE_EVIDENCE_WORKER_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "../../core/types.h"

/*
 * The maximum of killed workers of a user that have not ended. No further one is started.
 */
#define WORKERS_LEFT_MAX 8
/* The same for the caller's own user ID, for which half of the room is reserved. */
#define WORKERS_LEFT_OWN_MAX 16
/* Room also for 16 running workers, because each may be left behind. */
#define WORKERS_LEFT_ROOM 32

struct workers_left {
	struct {
		int pidfd;
		maze_u32 uid;
	} worker[WORKERS_LEFT_ROOM];
	size_t count;
};

/* Removes ended workers. Returns how many are left. */
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
 * Forks. The child has open only the socket and standard error, shares no writable
 * memory, blocks all signals, and exits when `main` returns.
 */
int worker_start(void (*main)(int fd, void *arg), void *arg, struct worker *ret_worker);
/* One message. 0; -EAGAIN: no room now; -EPIPE: it has ended. Never waits. */
int worker_send(struct worker *worker, const struct iovec *parts, size_t count);
/* The size of one message; 0: it has ended; -EAGAIN: none now. Never waits. */
ssize_t worker_receive(struct worker *worker, void *buf, size_t size);

/* An answer is due within the deadline plus `allowed_ns`. */
void worker_expect(struct worker *worker, maze_u64 allowed_ns);
void worker_expect_nothing(struct worker *worker);
/*
 * Whether the deadline has passed. The time between two calls counts as at most
 * `step_ns`, because a pause of this process or the machine may have paused the worker as
 * well. It counts a twelfth if the worker is runnable at its end.
 */
bool worker_is_late(struct worker *worker, maze_u64 deadline_ns, maze_u64 step_ns);

/*
 * Closes the socket, which ends a worker, or kills it. It is in `left` until it has
 * ended.
 */
void worker_leave(struct worker *worker, bool killed, maze_u32 uid, struct workers_left *left);

#endif
