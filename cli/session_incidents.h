/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The incidents of a session: passes its records and the engine's stacks to evidence/,
 * which writes incident files. Errors are printed and do not affect the session.
 */
#ifndef MAZE_CLI_SESSION_INCIDENTS_H
#define MAZE_CLI_SESSION_INCIDENTS_H

#include "command.h"

struct session_incidents;

/*
 * Writes incidents of the watches with this tag into options->incidents. With an engine
 * that takes no stacks it prints so, and the incidents have none. Returns 0, or -errno
 * after an error message.
 */
int session_incidents_open(const struct command *command, const struct options *options,
			   struct maze *maze, maze_u64 tag, struct session_incidents **ret_gather);
/* Readable when there are stacks; -1: never. All functions accept NULL. */
int session_incidents_fd(const struct session_incidents *incidents);
/* Readable when session_incidents_work() is to be called; -1: never. */
int session_incidents_workers_fd(const struct session_incidents *incidents);
void session_incidents_record(struct session_incidents *incidents,
			      const struct maze_record *record);
/* Returns the ms until the next call; -1: when a descriptor is readable. */
int session_incidents_work(struct session_incidents *incidents);
/* Writes the incidents that are still open. */
void session_incidents_close(struct session_incidents *incidents);

#endif
