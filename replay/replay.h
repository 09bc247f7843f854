/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the events of a trace (trace.h) through core/step.h, as an engine does it live. The
 * CPU time of a thread is the time from its switch-in to its switch-out, or what the
 * scheduler has booked, if the trace has that. What the trace does not tell makes a
 * verdict late, but for yields that are not in it.
 */
#ifndef MAZE_REPLAY_REPLAY_H
#define MAZE_REPLAY_REPLAY_H

#include "../core/policy.h"
#include "../core/record.h"
#include "../core/step.h"
#include "trace.h"

struct replay;

/* A policy, and what it is from. It must not change while a replay uses it. */
struct replay_watch {
	struct maze_policy policy;
	maze_u64 tag;
};

/* What is known of a thread when its watch is chosen. */
struct replay_subject {
	maze_u32 tid;
	maze_u32 pid;			   /* 0: unknown */
	const char *name;		   /* terminated */
	const char *main_name;		   /* of the first thread of its process; NULL: unknown */
	const struct replay_watch *now;	   /* NULL: not watched */
	const struct replay_watch *parent; /* a new thread: the watch of its parent, or NULL */
};

/* A call of maze_step(). */
struct replay_step {
	const struct maze_policy *policy;
	const struct maze_sample *sample;
	const struct maze_account *before;
	const struct maze_account *after;
	const struct maze_verdict *verdict;
};

struct replay_calls {
	/*
	 * Returns the watch of a thread, or NULL. It is called when the thread is seen first,
	 * and when its name or its process becomes known or changes.
	 */
	const struct replay_watch *(*choose)(void *arg, const struct replay_subject *subject);
	/*
	 * Takes a verdict, whose boot_ns is the time of the trace. The records of one thread
	 * come in order. Returns 0 or a negative errno, which replay_event() returns.
	 */
	int (*on_record)(void *arg, const struct maze_record *record);
	/* Takes each step of an account, for tests; NULL: none. */
	void (*on_step)(void *arg, const struct replay_step *step);
	void *choose_arg, *record_arg, *step_arg;
};

/* Returns NULL without memory. The caller frees it with replay_free(). */
struct replay *replay_new(const struct replay_calls *calls);
void replay_free(struct replay *replay);
/* Returns 0, -ENOMEM or the error of on_record(). */
int replay_event(struct replay *replay, const struct trace_event *event);
/* Charges the threads that still run up to the time of the last event. As above. */
int replay_end(struct replay *replay);

struct replay_totals {
	maze_u64 switches;
	maze_u64 threads; /* that had a CPU */
	maze_u64 lost;	  /* events that the trace has lost */
	maze_u64 missed;  /* switches that are missing without such a note */
};
struct replay_totals replay_totals(const struct replay *replay);

#endif
