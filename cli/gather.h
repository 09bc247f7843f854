/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence of what a session watches: the stacks that the engine takes and the records,
 * made into incidents in a directory. Trouble with it is said, and changes nothing else.
 */
#ifndef MAZE_CLI_GATHER_H
#define MAZE_CLI_GATHER_H

#include "command.h"

struct gather;

/*
 * Incidents of the watches that have this tag, into options->incidents. An engine that
 * takes no stacks is said to take none, and the incidents have none. 0, or -errno after
 * the complaint.
 */
int gather_open(const struct command *command, const struct options *options, struct maze *maze,
		maze_u64 tag, struct gather **ret_gather);
/* Polls readable when there are stacks; -1: never. NULL has none. */
int gather_fd(const struct gather *gather);
/* Readable when gather_work() is to be called; -1: never. */
int gather_workers_fd(const struct gather *gather);
void gather_record(struct gather *gather, const struct maze_record *record);
/* Returns the ms after which it wants to be called again; -1: when the fd says so. */
int gather_work(struct gather *gather);
/* Writes what is still open. */
void gather_close(struct gather *gather);

#endif
