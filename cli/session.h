/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part that `maze run` and `maze watch --wait` share. Both open an engine, begin
 * watches with one tag, and print the records of these watches.
 */
#ifndef MAZE_CLI_SESSION_H
#define MAZE_CLI_SESSION_H

#include <signal.h>
#include <sys/resource.h>

#include "command.h"
#include "session_incidents.h"

/* The name of a process with a private engine, which `maze list` looks for. */
#define PRIVATE_ENGINE_COMM "maze-private"

struct session {
	const struct command *command;
	const struct options *options;
	struct maze *maze;
	struct maze_reader *reader;
	struct session_incidents *incidents; /* NULL: no --incidents */
	FILE *events;			     /* NULL: no --events */
	maze_u64 tag;			     /* of the watches of this session */
	bool pinned;			     /* the engine was loaded before and stays loaded */
	bool leaves_watches;		     /* session_close() keeps the watches */
	struct rlimit files;		     /* RLIMIT_NOFILE before session_open() */
};

/*
 * Opens the engine, a reader, and the file of --events. Uses the pinned engine if it is
 * loaded. Calls print_start(). Prints all errors. The caller calls session_close() even
 * after a failure.
 */
int session_open(struct session *session, const struct command *command,
		 const struct options *options);
void session_close(struct session *session);
/* Call it after the start of child processes, which would have the name too. */
void session_name_process(const struct session *session);
/* Prints the new records of this session. */
void session_print(struct session *session);
/* Makes a tag for the watches of this process. Returns 0 or -errno. */
int new_tag(maze_u64 *ret_tag);
/* Blocks SIGINT, SIGTERM and SIGHUP, so that the command can end by itself. */
void block_end_signals(sigset_t *ret_signals);
/* Whether to print remarks: on a terminal, because a cron job would mail them. */
bool notes_wanted(const struct options *options);
/*
 * Prints one line, if notes are wanted: both limits if maze has derived one of them, and
 * the engine if it is not the best one or does not detect yields. `maze` may be NULL.
 */
void print_start(const struct command *command, const struct options *options,
		 const struct maze *maze);
/* A child process calls this to reset the limit that session_open() raised. */
void session_restore_limits(const struct session *session);

#endif
