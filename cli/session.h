/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A maze that stays while what it watches runs: the engine it works with, and the
 * records it prints. For maze run and maze watch --wait.
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
	struct session_incidents *incidents; /* NULL: no incidents are wanted */
	FILE *events;			     /* NULL: none */
	maze_u64 tag;			     /* marks the watches of this session */
	bool pinned;			     /* the engine was there before us and stays */
	bool leaves_watches;		     /* those in a pinned engine outlive the session */
	struct rlimit files;		     /* as we found it */
};

/*
 * Opens the engine (the pinned one where there is one), a reader and the file of
 * events, and says on standard error what a person should know of the choice. On
 * failure it has complained; session_close() is right even then.
 */
int session_open(struct session *session, const struct command *command,
		 const struct options *options);
void session_close(struct session *session);
/* Prints the records of this session that have come. */
void session_print(struct session *session);
/* In a child: what session_open() raised is as it was. */
void session_restore_limits(const struct session *session);

#endif
