/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collects incidents (evidence/incident.h) by the settings of [daemon], and logs messages
 * about them. The event loop does this work at idle priority, after all work that
 * enforces limits.
 */
#ifndef MAZE_DAEMON_RECORDS_INCIDENT_LOG_H
#define MAZE_DAEMON_RECORDS_INCIDENT_LOG_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/daemon_settings.h"

struct incident_log;

/*
 * Collecting never blocks the event loop, and runs only after a verdict. Returns 0, or
 * -errno and a message.
 */
int incident_log_open(sd_event *event, struct maze *maze, struct log *log,
		      const struct incidents_settings *settings,
		      struct incident_log **ret_incidents, struct maze_error *error);
const struct incident_totals *incident_log_totals(const struct incident_log *incidents);
/* Passes on a record. `rule` and `policy` are NULL if they are unknown. */
void incident_log_record(struct incident_log *incidents, const struct maze_record *record,
			 const char *rule, const struct maze_policy *policy);
/* Adds the result of an action to the incident of its record. `arg` is the struct incident_log. */
void incident_log_action(void *arg, const struct log_action *result);
/*
 * Writes incidents in progress, then uses the new settings. On failure the old ones stay.
 */
int incident_log_use(struct incident_log *incidents, const struct incidents_settings *settings,
		     struct maze_error *error);
/* Writes the incidents in progress. `incidents` may be NULL. */
void incident_log_close(struct incident_log *incidents);

#endif
