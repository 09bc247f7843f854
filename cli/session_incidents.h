/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes the incidents of a session's watches to options->incidents. If a write fails,
 * maze reports the problem and continues.
 */
#ifndef MAZE_CLI_SESSION_INCIDENTS_H
#define MAZE_CLI_SESSION_INCIDENTS_H

#include "command.h"

struct session_incidents;

/* Follows the watches with this tag. Returns 0, or -errno after reporting the problem. */
int session_incidents_open(const struct command *command, const struct options *options,
			   struct maze *maze, maze_u64 tag,
			   struct session_incidents **ret_incidents);
/* Returns a descriptor, readable when session_incidents_work() is due. NULL: -1. */
int session_incidents_fd(const struct session_incidents *incidents);
void session_incidents_record(struct session_incidents *incidents,
			      const struct maze_record *record);
/* Returns the ms until the next call. -1: call again when the descriptor is readable. */
int session_incidents_work(struct session_incidents *incidents);
/* Writes the incidents that are still open. `incidents` may be NULL. */
void session_incidents_close(struct session_incidents *incidents);

#endif
