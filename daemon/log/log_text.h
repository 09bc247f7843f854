/* SPDX-License-Identifier: GPL-2.0-only */
/* Records and actions as text, for a log that has its own clock, and their priority. */
#ifndef MAZE_DAEMON_LOG_TEXT_H
#define MAZE_DAEMON_LOG_TEXT_H

#include <stddef.h>

#include "log.h"

/* Printable UTF-8 on one line; longer text is cut. */
void log_text_of_record(const struct log_entry *entry, char *buf, size_t size);
void log_text_of_action(const struct log_action *action, char *buf, size_t size);
/* LOG_WARNING and so on of syslog(3). */
int log_priority_of_record(const struct maze_record *record);
int log_priority_of_action(const struct log_action *action);

#endif
