/* SPDX-License-Identifier: GPL-2.0-only */
/* The members of a collector. Each user has a worker process and a queue of messages. */
#ifndef MAZE_EVIDENCE_COLLECTOR_USERS_H
#define MAZE_EVIDENCE_COLLECTOR_USERS_H

#include "collector.h"
#include "collector_calls.h"
#include "collector_queue.h"
#include "isolation/worker.h"

/* The maximum of users at one time. The first is the user of this process. */
#define USERS_MAX 16
_Static_assert(USERS_MAX + WORKERS_LEFT_OWN_MAX <= WORKERS_LEFT_ROOM,
	       "every running worker can be left behind");
/* The time between two attempts to send to a worker whose socket is full. */
#define RETRY_MS 5

struct collector_user {
	bool used;
	unsigned int uid;
	struct worker worker;  /* fd -1: no worker runs */
	bool blind;	       /* the worker reads no process */
	bool input_closed;     /* the worker gets no more messages and will end */
	unsigned int failures; /* workers in a row that ended early or were late */
	maze_u64 failed_ns;
	maze_u64 idle_ns; /* when the worker became idle; 0: it works */
	struct collector_queue queue;
	maze_u32 unanswered; /* sent messages that the worker has not taken */
	maze_u32 open;
	maze_u64 lost, lost_reported; /* incidents that the worker has lost */
};

struct collector {
	struct incidents_options options;
	struct maze_evidence *evidence;	    /* NULL: no evidence comes */
	struct maze_evidence_wants samples; /* what the workers take; stacks_max 0: nothing */
	struct collector_user users[USERS_MAX];
	struct workers_left left;
	struct collector_calls calls;
	int epoll;
	maze_u64 lost;		/* incidents that no message about one user counts */
	maze_u64 evidence_lost; /* process infos and stacks overwritten before they were read */
	maze_u64 lost_reported, evidence_lost_reported, report_ns;
	int wait_ms; /* the last result of collector_work(), or 0 instead of -1 */
	bool crowd_reported, left_reported;
	struct incident_messages later; /* returned by the next collector_work() */
};

/* Whether messages of this episode are queued or kept, as those of an open incident. */
bool collector_has_episode(struct collector *collector, const struct episode_key *key);
/* Queues a message about an episode that already has messages; ignores it otherwise. */
void collector_send(struct collector *collector, const struct collector_header *header,
		    const void *body, size_t size);
/* Returns 0, -EAGAIN if too many workers of the user are left behind, or -errno. */
int collector_start_worker(struct collector *collector, struct collector_user *user);
void collector_leave_worker(struct collector *collector, struct collector_user *user, bool killed);
/*
 * Reads the worker's answers, checks its deadline and sends the queued messages. Returns
 * the ms until the next call, or -1 if the next call is due only with the next event.
 */
int collector_serve(struct collector *collector, struct collector_user *user,
		    struct incident_messages *messages);
/* Whether `messages` has room for all messages of one more collector_serve(). */
bool collector_has_room(const struct incident_messages *messages);
/* Counts the user's incidents without a file, and lets go of the worker and the queue. */
void collector_end_user(struct collector *collector, struct collector_user *user, bool killed);
/* Does one step to end all workers. Returns true once all have ended. */
bool collector_end_workers(struct collector *collector, struct incident_messages *messages);

#endif
