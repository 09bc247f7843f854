/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes records to the log up to the limit of their rule (repeat.h). Records beyond the
 * limit are only counted, and their number is logged when the interval of the limit ends.
 */
#ifndef MAZE_DAEMON_LIMITED_LOG_H
#define MAZE_DAEMON_LIMITED_LOG_H

#include <systemd/sd-event.h>

#include "log.h"

struct limited_log;

/* `log` must stay until limited_log_close(). */
int limited_log_open(sd_event *event, struct log *log, struct limited_log **ret_limited);
/* Logs how many records were hidden since the last summary. */
void limited_log_close(struct limited_log *limited);
/*
 * Writes the record and returns true, or only counts it and returns false. `settings` are
 * those of the record's rule. They contain the limit, which holds for each user
 * separately. If `settings` or the rule is NULL, the default limit applies. In that case,
 * records of mazed's own UID have no limit unless a user requested the watch.
 */
bool limited_log_record(struct limited_log *limited, const struct log_entry *entry,
			const struct rule_settings *settings);
/* The consumer for records/dispatch.h. `arg` is the limited log. Sets record->logged. */
void limited_log_on_record(void *arg, struct mazed_record *record);
/*
 * Logs a message about incidents of user `uid` under the default limit. Messages about
 * mazed's own UID have no limit. An incident with the ID "" is none, and only its text is
 * logged.
 */
void limited_log_incident(struct limited_log *limited, unsigned int uid, int priority,
			  const struct log_incident *incident);

#endif
