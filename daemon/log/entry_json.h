/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lines of a log that is a file. A record is the JSON object of `maze events --json`
 * with the member "rule", which is null if the record has no rule.
 */
#ifndef MAZE_DAEMON_ENTRY_JSON_H
#define MAZE_DAEMON_ENTRY_JSON_H

#include "log_sink.h"

/* Returns one line without newline, or NULL if memory is short. The caller frees it. */
char *entry_json(const struct log_entry *entry);
/*
 * Does the same for an action. "event" is then "action", and "stage" has the event of the
 * record. The members "action", "tried", "applied" and "message" are added.
 */
char *action_json(const struct log_action *action, const char *message);
/* Formats a message without a record, perhaps of an incident, in the same way. */
char *message_json(const struct log_message *message);

#endif
