/* SPDX-License-Identifier: GPL-2.0-only */
/* Formats records and actions as text without a time, because the log adds the time. */
#ifndef MAZE_DAEMON_LOG_TEXT_H
#define MAZE_DAEMON_LOG_TEXT_H

#include <stddef.h>

#include "log.h"

/* The text is one line of printable UTF-8. Longer text is cut. */
void log_text_of_record(const struct log_entry *entry, char *buf, size_t size);
void log_text_of_action(const struct log_action *action, char *buf, size_t size);
/* Returns a priority of syslog(3), such as LOG_WARNING. */
int log_priority_of_record(const struct maze_record *record);
int log_priority_of_action(const struct log_action *action);

#endif
