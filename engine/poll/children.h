/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declares the parts of the child tracker. child_tracker.c chooses between fork_events.c
 * and new_pids.c. Both find children and pass them to inherit.c.
 */
#ifndef MAZE_POLL_CHILDREN_H
#define MAZE_POLL_CHILDREN_H

#include "engine_poll.h"

/*
 * What a child inherits: the groups, and the policy and tag of a watch of its threads. Has
 * the parent's user and name too.
 */
struct inheritance {
	struct inherited_groups groups;
	bool watches; /* its threads are watched */
	struct maze_policy policy;
	maze_u64 tag;
	maze_u32 uid;
	char comm[MAZE_COMM_LEN];
};

/* A child that exited before its fork event was read, and what its children inherit. */
struct exited_parent {
	struct inheritance inherited;
	pid_t pid;
};
#define EXITED_PARENTS_MAX 64

/* A PID that was allocated, but is not yet or no longer in /proc. */
struct pending_pid {
	pid_t pid;
	maze_u64 until; /* CLOCK_MONOTONIC of the last look-up */
};
#define PENDING_MAX 256

/*
 * A child whose process is not open yet. Its PID is reused only after the child has
 * ended. So a process with this PID is the child if it started no later than seen_ns.
 */
struct child {
	struct inheritance inherited;
	pid_t pid, ppid;
	maze_u64 seen_ns; /* CLOCK_BOOTTIME */
};

/* A child that only groups include is opened at their next check, if it still runs. */
#define DEFERRED_MAX 256

struct child_tracker {
	bool started;
	int fork_fd; /* process connector, -1: not permitted */
	bool muted;  /* fork_fd does not wake the worker */
	struct child deferred[DEFERRED_MAX];
	unsigned int deferred_count;
	struct exited_parent exited[EXITED_PARENTS_MAX];
	unsigned int next_exited; /* the next to be overwritten */
	/* Only new_pids.c uses the members below. */
	int loadavg_fd; /* /proc/loadavg, -1: not open yet */
	pid_t last_pid;
	maze_u64 search_at;
	struct pending_pid pending[PENDING_MAX];
	unsigned int pending_count;
};

/* ---- inherit.c ---- */

/*
 * Watches the child. -ESRCH: the child has ended. For other errors, records a lost child.
 */
int poll_inherit(struct engine *engine, const struct child *child);
/*
 * Gets what a child of this thread inherits. If thread is NULL, the child inherits the
 * policy and tag of the process, if it is watched as a whole. False: nothing.
 */
bool inheritance_of(const struct poll_process *process, const struct poll_thread *thread,
		    struct inheritance *ret_inherited);

/* ---- fork_events.c ---- */

/* Returns a socket that receives every fork from now on, or -errno. */
int fork_events_open(void);
void fork_events_take(struct engine *engine);
/* Opens the deferred children that still run. */
void fork_events_open_deferred(struct engine *engine);

/* ---- new_pids.c ---- */

/* Checks every PID that was allocated since the last call. */
void new_pids_take(struct engine *engine, maze_u64 now);
/* Checks every process in /proc. */
void new_pids_search_all(struct engine *engine);

#endif
