/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes records to the log under the limit of their rule (repeat.h). Records beyond the
 * limit are not written; their number is logged when the interval ends.
 */
#ifndef MAZE_DAEMON_LIMITED_LOG_H
#define MAZE_DAEMON_LIMITED_LOG_H

#include <systemd/sd-event.h>

#include "log.h"

struct limited_log;

/* Borrows `log` until limited_log_close(). */
int limited_log_open(sd_event *event, struct log *log, struct limited_log **ret_limited);
/* Logs the numbers that are still due. */
void limited_log_close(struct limited_log *limited);
/*
 * Writes or counts the record; true: written. `settings` is the rule's. With NULL, or
 * without a rule, the default limit applies, but records of mazed's own UID have no limit
 * unless a user requested the watch. Each user has a limit of its own.
 */
bool limited_log_record(struct limited_log *limited, const struct log_entry *entry,
			const struct rule_settings *settings);
/* For records/dispatch.h: `arg` is the struct limited_log. Sets record->logged. */
void limited_log_on_record(void *arg, struct mazed_record *record);
/*
 * A message about incidents of that user, under the default limit; mazed's own UID has
 * none.
 */
void limited_log_incident(struct limited_log *limited, unsigned int uid, int priority,
			  const char *text);

#endif
