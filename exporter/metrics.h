/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gets the metrics from mazed, in one format. mazed has one connection and at most one
 * request a second for each format, however many HTTP clients there are.
 */
#ifndef MAZE_EXPORTER_METRICS_H
#define MAZE_EXPORTER_METRICS_H

#include <stdio.h>

#include "link.h"

struct metrics {
	const char *format; /* of the request (maze-control(5)) */
	void (*ready)(struct metrics *metrics, void *arg);
	void *arg;
	/* The answer; NULL: `why` has the reason. Valid until the event loop runs. */
	char *text;
	size_t size;
	char why[512];
	/* For metrics.c. */
	struct link link;
	FILE *out; /* of the answer that arrives; NULL: none does */
	char *next;
	size_t next_size;
	maze_u64 tried_ns; /* CLOCK_MONOTONIC, of the last request; 0: none */
};

/* The caller has set the members up to `arg`. Call metrics_done() also on failure. */
int metrics_init(struct metrics *metrics, sd_event *event, const char *socket);
void metrics_done(struct metrics *metrics);
/*
 * Requests the metrics. True: the answer, or the reason why there is none, is at most a
 * second old. False: ready() follows within seconds, also if mazed does not answer.
 */
bool metrics_want(struct metrics *metrics);

/* Whether a client with this header Accept gets OpenMetrics 1.0.0. NULL: no header. */
bool metrics_accept_open(const char *accept);

#endif
