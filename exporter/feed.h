/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps the state (state.h) fresh while it is wanted. mazed has two connections from this
 * program, one for lists and one that follows records, however many HTTP clients there
 * are. Both are closed when no client has wanted the state for a minute.
 */
#ifndef MAZE_EXPORTER_FEED_H
#define MAZE_EXPORTER_FEED_H

#include "link.h"
#include "state.h"

struct feed {
	struct state *state;
	struct incident_index *index;
	void (*ready)(void *arg);
	void *arg;
	/* For feed.c. */
	struct link lists, records;
	sd_event_source *idle;
	bool listing;	   /* an answer to "list" is expected, or arrives */
	bool has_failed;   /* mazed did not answer, and that was logged */
	maze_u64 tried_ns; /* CLOCK_MONOTONIC, of the last request; 0: none */
	unsigned int lists_sent;
	char *text;
};

/* The caller has set the members above. Returns 0 or -errno. Call feed_done() even then. */
int feed_init(struct feed *feed, sd_event *event, const char *socket);
void feed_done(struct feed *feed);

/*
 * Requests the state. True: feed_text() has it, at most a second old. False: ready()
 * follows within seconds, also if mazed does not answer.
 */
bool feed_want(struct feed *feed);
/* The state as JSON; NULL: out of memory. Valid until the event loop runs. */
const char *feed_text(const struct feed *feed);

#endif
