/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by maze run and maze watch --wait: an engine, the watches with one tag, and the
 * records of these watches, which are printed.
 */
#ifndef MAZE_CLI_SESSION_H
#define MAZE_CLI_SESSION_H

#include <sys/resource.h>

#include "command.h"
#include "session_incidents.h"

struct session {
	const struct command *command;
	const struct options *options;
	struct maze *maze;
	struct maze_reader *reader;
	struct session_incidents *incidents; /* NULL: without --incidents */
	FILE *events;			     /* NULL: none */
	maze_u64 tag;			     /* of the watches of this session */
	bool pinned;			     /* the engine was loaded before and stays loaded */
	bool leaves_watches;		     /* do not end them in session_close() */
	struct rlimit files;		     /* RLIMIT_NOFILE at the start */
};

/*
 * Opens the engine (the pinned one if it is loaded), a reader and the file of --events,
 * and prints why no better engine is used. Prints errors itself; call session_close()
 * after a failure too.
 */
int session_open(struct session *session, const struct command *command,
		 const struct options *options);
void session_close(struct session *session);
/* Prints the new records of this session. */
void session_print(struct session *session);
/* For a child process: resets the limit that session_open() raised. */
void session_restore_limits(const struct session *session);

#endif
