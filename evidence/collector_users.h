/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inside of a collector: each user with the worker process and the queue of messages
 * that belong to this user.
 */
#ifndef MAZE_EVIDENCE_COLLECTOR_USERS_H
#define MAZE_EVIDENCE_COLLECTOR_USERS_H

#include "collector.h"
#include "collector_queue.h"
#include "isolation/worker.h"

/* Users with incidents at the same time; the first is the caller's own user. */
#define USERS_MAX 16
_Static_assert(USERS_MAX + WORKERS_LEFT_OWN_MAX <= WORKERS_LEFT_ROOM,
	       "every running worker can be left behind");
/* The next try after a socket was full. */
#define RETRY_MS 5

struct collector_user {
	bool used;
	unsigned int uid;
	struct worker worker;  /* fd -1: none runs */
	bool blind;	       /* the worker reads no process */
	bool input_closed;     /* the worker ends after the messages that it has */
	unsigned int failures; /* workers in a row that ended early */
	maze_u64 failed_ns;
	maze_u64 idle_ns; /* when the worker became idle; 0: it works */
	struct collector_queue queue;
	maze_u32 unanswered; /* messages that the worker has not taken */
	maze_u32 open;
	maze_u64 lost, lost_reported; /* as the worker counts */
};

struct collector {
	struct incidents_options options;
	struct maze_evidence *evidence; /* NULL: none */
	struct collector_user users[USERS_MAX];
	struct workers_left left;
	int epoll;
	maze_u64 lost;		/* incidents that no message of a user has counted */
	maze_u64 evidence_lost; /* process infos and stacks, overwritten before they were read */
	maze_u64 lost_reported, evidence_lost_reported, report_ns;
	int wait_ms; /* what the last collector_work() returned, at least 0 */
	bool crowd_reported, left_reported;
	struct incident_messages later; /* for the next collector_work() */
};

/* 0; -EAGAIN: too many workers of this user are left behind; or -errno. */
int collector_start_worker(struct collector *collector, struct collector_user *user);
void collector_leave_worker(struct collector *collector, struct collector_user *user, bool killed);
/*
 * Reads the worker's answers, checks its deadline and sends what is queued. Returns the
 * ms until the next call; -1: at the next event.
 */
int collector_serve(struct collector *collector, struct collector_user *user,
		    struct incident_messages *messages);
/* Whether there is room for all messages of another collector_serve(). */
bool collector_has_room(const struct incident_messages *messages);
/* One step towards the end of all workers. True: all have written what was open. */
bool collector_end_workers(struct collector *collector, struct incident_messages *messages);

#endif
