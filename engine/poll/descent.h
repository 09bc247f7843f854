/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that find children share; see descent.c.
 */
#ifndef MAZE_POLL_DESCENT_H
#define MAZE_POLL_DESCENT_H

#include "engine_poll.h"

/* Searching more often than this costs more than the promise on lateness is worth. */
#define SEARCH_MIN_NS (2 * MAZE_NSEC_PER_MSEC)
/* Children that were gone when they were told of: their own children are still to come. */
#define GHOSTS_MAX 64
/* Numbers that were given but do not stand in /proc yet, or no more. */
#define PENDING_MAX 256

/* What a child has from its parent at birth. */
struct heritage {
	struct maze_policy policy;
	maze_u64 tag;
	maze_u32 uid;
	char comm[MAZE_COMM_LEN];
};

struct ghost {
	struct heritage heritage;
	pid_t pid;
};

struct pending_number {
	pid_t number;
	maze_u64 until; /* CLOCK_MONOTONIC */
};

/*
 * A child as it was found, and by what it is known again once it has been opened. A
 * number comes to another process only after the child has ended, so whatever has the
 * number and began no later than the child was seen to exist is the child.
 */
struct child {
	struct heritage heritage;
	pid_t pid;
	maze_u64 seen_ns; /* CLOCK_BOOTTIME */
};

struct descent {
	int fork_fd; /* the process connector, -1: not permitted */
	struct ghost ghosts[GHOSTS_MAX];
	unsigned int ghost; /* the next to be overwritten */
	/* The search: */
	int numbers_fd; /* /proc/loadavg, -1: not opened yet */
	pid_t last_number;
	maze_u64 search_at;
	struct pending_number pending[PENDING_MAX];
	unsigned int pendings;
};

/*
 * descent.c: watches the child if it is still there. -ESRCH: it has ended, which is no
 * loss; any other error has been recorded as one.
 */
int poll_inherit(struct engine *engine, const struct child *child);
/* What a child of that thread (NULL: of any, of a process watched as a whole) has from it. */
struct heritage heritage_of(const struct poll_process *process, const struct poll_thread *thread);

/* fork_events.c: a socket that tells of every fork from now on, or -errno. */
int fork_events_open(void);
void fork_events_take(struct engine *engine);

/* new_numbers.c: looks at every number given since the last time. */
void new_numbers_take(struct engine *engine, maze_u64 now);
/* Looks at every process there is. */
void new_numbers_search_all(struct engine *engine);

#endif
