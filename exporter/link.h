/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection to mazed's control socket (maze-control(5)) in an event loop. It never
 * blocks. Its memory is one line, and each answer has a deadline.
 */
#ifndef MAZE_EXPORTER_LINK_H
#define MAZE_EXPORTER_LINK_H

#include <jansson.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "../lib/control.h"
#include "../lib/maze.h"

/* The page asks once a second, so a request that comes a moment early gets a new answer. */
#define LINK_FRESH_NS (900 * 1000000ULL)

struct link {
	/* The owner sets these before link_init(). */
	sd_event *event;
	const char *path;
	/* Called for each line, an object that link.c frees. May close the link. */
	void (*on_line)(struct link *link, json_t *object);
	/* Called after the connection has failed and is closed. */
	void (*on_failure)(struct link *link, const char *why);
	void *arg;
	/* For link.c. */
	int fd; /* -1: not connected */
	sd_event_source *input, *deadline;
	uint64_t give_up_usec; /* CLOCK_MONOTONIC; the deadline is not moved beyond it */
	char buf[MAZE_CONTROL_ANSWER_MAX];
	size_t length;
};

/* Returns 0 or -errno. Call link_done() even on failure. */
int link_init(struct link *link);
void link_done(struct link *link);

/* Connects and sends a line. Returns 0, or -errno and a message; on_failure() is not called. */
int link_send(struct link *link, const char *line, struct maze_error *error);
/*
 * The connection fails if 3 s pass without data, or 30 s in all, before the owner calls
 * link_answered(). A list of 100,000 threads takes some seconds on a busy machine.
 */
void link_expect(struct link *link);
void link_answered(struct link *link);
bool link_is_open(const struct link *link);
/* NULL: mazed has not refused the request. */
const char *link_refusal(const json_t *answer);
void link_close(struct link *link);

#endif
