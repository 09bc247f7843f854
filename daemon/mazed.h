/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon itself: its parts brought up, run and taken down. */
#ifndef MAZE_DAEMON_MAZED_H
#define MAZE_DAEMON_MAZED_H

#include "../lib/maze.h"

struct mazed_options {
	const char *config; /* maze.conf(5) */
	const char *engine; /* NULL: the best there is */
};

/*
 * Runs until it is told to end (SIGTERM, SIGINT), then removes all its watches, and the
 * engine too if nobody else has any. 0, or -errno with a sentence when it could not begin
 * or had to give up.
 */
int mazed_run(const struct mazed_options *options, struct maze_error *error);

#endif
