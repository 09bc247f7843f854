/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the child tracker: child_tracker.c chooses between fork_events.c and
 * new_pids.c; both find children and pass them to inherit.c.
 */
#ifndef MAZE_POLL_CHILDREN_H
#define MAZE_POLL_CHILDREN_H

#include "engine_poll.h"

/* The policy and tag that a child inherits, and the parent's user and name. */
struct inheritance {
	struct maze_policy policy;
	maze_u64 tag;
	maze_u32 uid;
	char comm[MAZE_COMM_LEN];
};

/* A child that had exited when its fork event was read. Its children inherit from it. */
struct exited_parent {
	struct inheritance inherited;
	pid_t pid;
};
#define EXITED_PARENTS_MAX 64

/* A PID that was allocated, but is not yet or no longer in /proc. */
struct pending_pid {
	pid_t pid;
	maze_u64 until; /* CLOCK_MONOTONIC */
};
#define PENDING_MAX 256

/*
 * A child before it is opened. Its PID is reused only after it has ended, so a process with
 * this PID that started no later than seen_ns is the child.
 */
struct child {
	struct inheritance inherited;
	pid_t pid;
	maze_u64 seen_ns; /* CLOCK_BOOTTIME */
};

struct child_tracker {
	int fork_fd; /* process connector, -1: not permitted */
	struct exited_parent exited[EXITED_PARENTS_MAX];
	unsigned int next_exited; /* the next to be overwritten */
	/* The rest is for the search: */
	int loadavg_fd; /* /proc/loadavg, -1: not open yet */
	pid_t last_pid;
	maze_u64 search_at;
	struct pending_pid pending[PENDING_MAX];
	unsigned int pending_count;
};

/* ---- inherit.c ---- */

/* Watches the child. -ESRCH: it has ended; other errors are recorded as a loss. */
int poll_inherit(struct engine *engine, const struct child *child);
/*
 * The inheritance of a child of this thread. NULL: of any thread, with the process's
 * policy.
 */
struct inheritance inheritance_of(const struct poll_process *process,
				  const struct poll_thread *thread);

/* ---- fork_events.c ---- */

/* A socket that receives every fork from now on, or -errno. */
int fork_events_open(void);
void fork_events_take(struct engine *engine);

/* ---- new_pids.c ---- */

/* Checks every PID that was allocated since the last call. */
void new_pids_take(struct engine *engine, maze_u64 now);
/* Checks every process in /proc. */
void new_pids_search_all(struct engine *engine);

#endif
