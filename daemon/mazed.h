/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon: starts, runs and stops its parts. */
#ifndef MAZE_DAEMON_MAZED_H
#define MAZE_DAEMON_MAZED_H

#include "../lib/maze.h"

struct mazed_options {
	const char *config; /* maze.conf(5) */
	const char *engine; /* NULL: the best that can run */
};

/*
 * Runs until SIGTERM or SIGINT, then removes mazed's watches, and the engine unless other
 * programs have watches. 0, or -errno and a message.
 */
int mazed_run(const struct mazed_options *options, struct maze_error *error);

#endif
