/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence of what a session watches: the stacks that the engine takes and the records,
 * made into incidents in a directory. Trouble with it is said, and changes nothing else.
 */
#ifndef MAZE_CLI_SESSION_INCIDENTS_H
#define MAZE_CLI_SESSION_INCIDENTS_H

#include "command.h"

struct session_incidents;

/*
 * Incidents of the watches that have this tag, into options->incidents. An engine that
 * takes no stacks is said to take none, and the incidents have none. 0, or -errno after
 * the complaint.
 */
int session_incidents_open(const struct command *command, const struct options *options,
			   struct maze *maze, maze_u64 tag,
			   struct session_incidents **ret_incidents);
/* Polls readable when there are stacks; -1: never. NULL has none. */
int session_incidents_fd(const struct session_incidents *incidents);
/* Readable when gather_work() is to be called; -1: never. */
int session_incidents_workers_fd(const struct session_incidents *incidents);
void session_incidents_record(struct session_incidents *incidents,
			      const struct maze_record *record);
/* Returns the ms after which it wants to be called again; -1: when the fd says so. */
int session_incidents_work(struct session_incidents *incidents);
/* Writes what is still open. */
void session_incidents_close(struct session_incidents *incidents);

#endif
