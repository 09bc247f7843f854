/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence of verdicts: the engine's stacks and the records, made into incidents as
 * [daemon] wants them. Behind everything that enforces in the event loop; trouble with
 * it is in the log, and changes nothing else.
 */
#ifndef MAZE_DAEMON_RECORDS_INCIDENT_LOG_H
#define MAZE_DAEMON_RECORDS_INCIDENT_LOG_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/daemon_settings.h"

struct incident_log;

/* Never waits, and wakes nobody while nothing is mazed. 0, or -errno and a sentence. */
int incident_log_open(sd_event *event, struct maze *maze, struct log *log,
		      const struct incidents_settings *settings, struct incident_log **ret_log,
		      struct maze_error *error);
/* `rule` and `policy` may be NULL: not known. */
void incident_log_record(struct incident_log *incidents, const struct maze_record *record,
			 const char *rule, const struct maze_policy *policy);
/* Other settings from now on; what is open is written first. On failure the old ones stay. */
int incident_log_use(struct incident_log *incidents, const struct incidents_settings *settings,
		     struct maze_error *error);
/* Writes what is open. NULL is fine. */
void incident_log_close(struct incident_log *incidents);

#endif
