/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records with their rule as JSON: what `maze events --json` prints, and "rule", which
 * is null where there is none.
 */
#ifndef MAZE_DAEMON_ENTRY_JSON_H
#define MAZE_DAEMON_ENTRY_JSON_H

#include "log.h"

/* One object on one line, without newline; free(3) it. NULL: out of memory. */
char *entry_json(const struct log_entry *entry);
/*
 * Of an action: the record's, but "event" is "action" and the record's event is
 * "stage"; and "action", "tried", "applied", and the sentence as "message".
 */
char *action_json(const struct log_action *action, const char *message);

#endif
