/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of mazed: messages about itself, records and results of actions. [daemon] of
 * maze.conf(5) selects the sink: the journal, syslog or a file. Logging never blocks:
 * messages that the sink does not accept are queued, up to a limit, and sent later.
 * Beyond the limit entries are dropped and counted, and their number is logged when the
 * sink accepts again.
 */
#ifndef MAZE_DAEMON_LOG_H
#define MAZE_DAEMON_LOG_H

#include <systemd/sd-event.h>

#include "../rules/rules.h"

struct log;

/* A record, with its engine and its rule. */
struct log_entry {
	const struct maze_record *record;
	const char *engine; /* the name of the engine */
	const char *rule;   /* NULL: watched by request, or by a rule that no longer exists */
};

/* A record on its way through the consumers (records/dispatch.h). */
struct mazed_record {
	struct log_entry entry;
	const struct rule *rule; /* NULL: none */
	bool logged;		 /* the log has written it: it does not exceed the rule's limit */
};

/* The result of an action. */
struct log_action {
	struct log_entry entry;
	const char *action; /* "renice" */
	bool tried;	    /* the acting call was made: not in shadow, not refused */
	bool applied;	    /* that call succeeded */
	const char *text;   /* no full stop, no newline */
};

/* Opens the sink of the settings. -errno and a message; *ret_log is for log_close(). */
int log_open(const struct daemon_settings *settings, struct log **ret_log,
	     struct maze_error *error);
/* Tries to send the backlog; the rest is reported on standard error. */
void log_close(struct log *log);
/*
 * Adds a retry timer to the event loop, which runs only while the backlog is not empty.
 * Without it, a retry is made with the next message.
 */
int log_attach(struct log *log, sd_event *event);
/*
 * After a reload: switches to the sink of the new settings, and reopens a file, which may
 * have been renamed. On failure the log stays as it was.
 */
int log_reopen(struct log *log, const struct daemon_settings *settings, struct maze_error *error);

/*
 * Logs a message without newline or full stop; `priority` is LOG_ERR, LOG_WARNING,
 * LOG_NOTICE, LOG_INFO or LOG_DEBUG of syslog(3). With log NULL: to standard error.
 */
__attribute__((format(printf, 3, 4))) void log_printf(struct log *log, int priority,
						      const char *format, ...);
void log_record(struct log *log, const struct log_entry *entry);
void log_act(struct log *log, const struct log_action *action);

#endif
