/* SPDX-License-Identifier: GPL-2.0-only */
/* Starts, runs and stops the parts of the daemon. */
#ifndef MAZE_DAEMON_MAZED_H
#define MAZE_DAEMON_MAZED_H

#include "../lib/maze.h"

struct mazed_options {
	const char *shipped; /* a directory of rules to read first; NULL: none */
	const char *config;  /* the path of maze.conf(5) */
	const char *engine;  /* NULL: the best that can run */
};

enum {
	EXIT_MAZED_OK = 0,
	EXIT_MAZED_FAILED = 1,
	EXIT_MAZED_USAGE = 2,
	EXIT_MAZED_HANDED_OVER = 3,
	EXIT_MAZED_UNLOADED = 4,
};

/*
 * Runs until a signal. On SIGTERM or SIGINT it removes mazed's watches, and the engine
 * unless other programs have watches, and returns EXIT_MAZED_OK. On SIGUSR1 it leaves
 * both for the next mazed and returns EXIT_MAZED_HANDED_OVER. If another program unloads
 * the engine, it logs that and returns EXIT_MAZED_UNLOADED. Otherwise returns -errno and a
 * message.
 */
int mazed_run(const struct mazed_options *options, struct maze_error *error);

#endif
