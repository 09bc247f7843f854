/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Incidents as the settings of [daemon] want them, and their messages in the log. It runs
 * in the event loop, after all work that enforces limits.
 */
#ifndef MAZE_DAEMON_RECORDS_INCIDENT_LOG_H
#define MAZE_DAEMON_RECORDS_INCIDENT_LOG_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/daemon_settings.h"

struct incident_log;

/* Never waits, and causes no wakeup without a verdict. 0, or -errno with a sentence. */
int incident_log_open(sd_event *event, struct maze *maze, struct log *log,
		      const struct incidents_settings *settings,
		      struct incident_log **ret_incidents, struct maze_error *error);
/* `rule` and `policy` may be NULL: unknown. */
void incident_log_record(struct incident_log *incidents, const struct maze_record *record,
			 const char *rule, const struct maze_policy *policy);
/*
 * Writes the open incidents, then uses other settings. On failure the old settings stay.
 */
int incident_log_use(struct incident_log *incidents, const struct incidents_settings *settings,
		     struct maze_error *error);
/* Writes the open incidents. NULL is allowed. */
void incident_log_close(struct incident_log *incidents);

#endif
