/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence of verdicts: the engine's stacks and the records, made into incidents as
 * [daemon] wants them. Behind everything that enforces in the event loop; trouble with
 * it is in the log, and changes nothing else.
 */
#ifndef MAZE_DAEMON_GATHER_H
#define MAZE_DAEMON_GATHER_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/daemon_settings.h"

struct gather;

/* Never waits, and wakes nobody while nothing is mazed. 0, or -errno and a sentence. */
int gather_open(sd_event *event, struct maze *maze, struct log *log,
		const struct incidents_settings *settings, struct gather **ret_gather,
		struct maze_error *error);
/* `rule` and `policy` may be NULL: not known. */
void gather_record(struct gather *gather, const struct maze_record *record, const char *rule,
		   const struct maze_policy *policy);
/* Other settings from now on; what is open is written first. On failure the old ones stay. */
int gather_use(struct gather *gather, const struct incidents_settings *settings,
	       struct maze_error *error);
/* Writes what is open. NULL is fine. */
void gather_close(struct gather *gather);

#endif
