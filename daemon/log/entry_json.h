/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records with their rule as JSON: the object of `maze events --json`, with "rule" (null:
 * no rule) added.
 */
#ifndef MAZE_DAEMON_ENTRY_JSON_H
#define MAZE_DAEMON_ENTRY_JSON_H

#include "log.h"

/* One object on one line, without newline, for free(3). NULL: out of memory. */
char *entry_json(const struct log_entry *entry);
/*
 * The same for an action: "event" is "action", and the record's event is "stage"; with
 * "action", "tried", "applied", and the text as "message".
 */
char *action_json(const struct log_action *action, const char *message);

#endif
