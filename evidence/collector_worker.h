/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The worker process holds one user's open incidents (collector.h) and exchanges messages
 * with the collector. Both processes run the same program, so messages are plain
 * structures.
 */
#ifndef MAZE_EVIDENCE_COLLECTOR_WORKER_H
#define MAZE_EVIDENCE_COLLECTOR_WORKER_H

#include "../core/system_calls.h"
#include "incident.h"

/* ---- to the worker ----------------------------------------------------------------- */

enum collector_kind {
	COLLECTOR_RECORD,
	COLLECTOR_PROCESS_INFO,
	COLLECTOR_STACK,
	COLLECTOR_CALLS,
	COLLECTOR_RUNS, /* the part of a struct maze_last_runs that is in use */
	COLLECTOR_ACTION,
};

struct collector_header {
	maze_u32 kind; /* enum collector_kind */
	struct episode_key key;
};

struct collector_record {
	struct maze_record record;
	struct maze_policy policy;
	bool has_policy;
	struct maze_evidence_wants samples; /* for incidents_take_samples() */
	pid_t reaper;			    /* as in struct incidents */
	char engine[16];
	char rule[80]; /* "": no rule */
};

struct collector_calls_message {
	int missing; /* -errno: why there is no slice */
	struct call_slice slice;
};

#define COLLECTOR_BODY_MAX sizeof(struct maze_last_runs)
_Static_assert(sizeof(struct maze_stack) <= COLLECTOR_BODY_MAX &&
		       sizeof(struct maze_process_info) <= COLLECTOR_BODY_MAX &&
		       sizeof(struct collector_record) <= COLLECTOR_BODY_MAX &&
		       sizeof(struct episode_action) <= COLLECTOR_BODY_MAX &&
		       sizeof(struct collector_calls_message) <= COLLECTOR_BODY_MAX,
	       "the runs are the largest message");

/* ---- from the worker --------------------------------------------------------------- */

enum collector_answer_kind {
	COLLECTOR_STATUS, /* after new messages, and four times a second during work */
	COLLECTOR_MESSAGE,
	COLLECTOR_WRITTEN, /* the incident of that episode has its file */
	COLLECTOR_CLOSED,  /* it is closed */
};

struct collector_answer {
	maze_u32 kind; /* enum collector_answer_kind */
	/* In a status: messages since the last status, and incidents that are open. */
	maze_u32 taken, open;
	int wait_ms; /* until the worker has work again; -1: until the next message */
	maze_u64 lost;
	struct episode_key key;
	struct incident_message message;
};

/* The function `main` for worker_start(). `arg` is a struct incidents_options. */
void collector_worker(int fd, void *arg);

#endif
