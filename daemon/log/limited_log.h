/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records on their way to the log, under the limit of their rule (repeat.h): those
 * beyond it are not written, and how many they were is said when the time is over.
 */
#ifndef MAZE_DAEMON_LIMITED_LOG_H
#define MAZE_DAEMON_LIMITED_LOG_H

#include <systemd/sd-event.h>

#include "log.h"

struct limited_log;

/* The log stays the caller's, and must be there until limited_log_close(). */
int limited_log_open(sd_event *event, struct log *log, struct limited_log **ret_limited);
/* Says what is still to be said of records that were not shown. */
void limited_log_close(struct limited_log *limited);
/*
 * Writes the record, or counts it; returns which. `treatment` is the rule's; NULL, or an
 * entry without a rule: the limit that a rule has by default, and none for records of mazed's
 * own user id unless that user has asked for the watch. Each user has a limit of its own.
 */
bool limited_log_record(struct limited_log *limited, const struct log_entry *entry,
			const struct treatment *treatment);
/* A sentence about incidents of that user, under the same limit; mazed's own have none. */
void limited_log_incident(struct limited_log *limited, unsigned int uid, int priority,
			  const char *text);

#endif
