/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decides when the system calls of a runaway thread are counted: at the first verdict of
 * an episode, and later in the episode. Each slice is sent to the worker of the thread's
 * user, or the reason why there is none.
 */
#ifndef MAZE_EVIDENCE_COLLECTOR_CALLS_H
#define MAZE_EVIDENCE_COLLECTOR_CALLS_H

#include "../lib/system_calls.h"
#include "attach_budget.h"
#include "incident.h"

/* Threads that wait for a slice, are in one, or get a second one. */
#define SLICE_REQUESTS_MAX 128

enum slice_request_state { SLICE_NONE, SLICE_WAITS, SLICE_RUNS, SLICE_LATER };

struct slice_request {
	enum slice_request_state state;
	struct episode_key key; /* of a thread */
	maze_u64 verdict_ns;	/* CLOCK_BOOTTIME */
	maze_u64 since_ns;	/* CLOCK_MONOTONIC; when it began to wait or to run */
	maze_u64 due_ns;	/* CLOCK_MONOTONIC; when to check it again */
	maze_u64 pause_ns;	/* CPU time until the second slice; 0: this is the second */
	maze_u64 runtime_ns;	/* CPU time of the thread at which the second slice begins */
	int slot;
};

struct collector_calls {
	struct call_counter *counter; /* NULL: not loaded yet */
	int refused;		      /* -errno of the load; 0: not tried, or loaded */
	struct attach_budget budget;
	maze_u64 attached_ns; /* already taken from the budget */
	struct slice_request requests[SLICE_REQUESTS_MAX];
};

struct collector;

/* Call it after the record is queued. `policy` may be NULL. */
void collector_calls_record(struct collector *collector, const struct maze_record *record,
			    const struct maze_policy *policy);
/* Returns the ms until the next call, or -1. */
int collector_calls_work(struct collector *collector);
/* Ends all slices and queues what they have. */
void collector_calls_close(struct collector *collector);

#endif
