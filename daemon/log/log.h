/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of mazed has messages about mazed, records, and results of actions. [daemon] of
 * maze.conf(5) selects the sink: the journal, standard error, syslog or a file. Logging
 * never blocks. Messages that the sink does not accept are queued and sent later. If the
 * queue is full, messages are dropped, and their number is logged when the sink accepts
 * again.
 */
#ifndef MAZE_DAEMON_LOG_H
#define MAZE_DAEMON_LOG_H

#include <systemd/sd-event.h>

#include "../rules/rules.h"
#include "units.h"

struct log;

/* A record, with its engine and its rule. */
struct log_entry {
	const struct maze_record *record;
	const char *engine; /* the name of the engine */
	const char *rule;   /* NULL: watched by request, or by a rule that no longer exists */
	const char *cgroup; /* the path of a watched control group; NULL: another scope, unknown */
	const struct log_unit *unit; /* NULL: unknown, or none */
};

/* A record as the consumers (records/dispatch.h) get it. */
struct mazed_record {
	struct log_entry entry;
	const struct rule *rule; /* NULL: no rule */
	bool logged;		 /* the record is in the log, because the limit allowed it */
};

/* The result of an action. */
struct log_action {
	struct log_entry entry;
	const char *action; /* "renice" */
	bool pending;	    /* it has begun, and its result follows */
	bool tried;	    /* the action was attempted: not in shadow, not refused */
	bool applied;	    /* the attempt succeeded */
	bool quiet;	    /* not for the log, because the rule exceeds its limit */
	const char *text;   /* no full stop, no newline */
};

/* An incident that was written. */
struct log_incident {
	struct log_entry entry; /* its newest verdict */
	const char *id;
	const char *signature; /* "": unknown */
	const char *text;
};

/* What a message is about. A record has the kind LOG_KIND_OTHER, and its event. */
enum log_kind {
	LOG_KIND_OTHER,
	LOG_KIND_ACTION,
	LOG_KIND_INCIDENT,
	LOG_KIND_TRIPPED,  /* a rule has reached max-hard */
	LOG_KIND_RESET,	   /* a rule that has tripped enforces again */
	LOG_KIND_REFUSED,  /* the rules of a reload, or the section of a unit */
	LOG_KIND_UNLOADED, /* the engine, by another program */
	LOG_KIND_DROPPED,  /* entries of the log */
	LOG_KIND_COUNT_,
};

/* What records/incident_log.h counts since mazed began, for the metrics. */
struct incident_totals {
	maze_u64 written, lost; /* incidents */
	maze_u64 evidence_lost; /* process infos and stacks */
};

/* Opens the sink of the settings. Returns 0, or -errno and a message. */
int log_open(const struct daemon_settings *settings, struct log **ret_log,
	     struct maze_error *error);
/* Tries to send the backlog. Prints the number of lost messages on standard error. */
void log_close(struct log *log);
/* The name of the sink for messages, such as "the journal". */
const char *log_name(const struct log *log);
/*
 * Adds a retry timer to the event loop. The timer runs only while the backlog is not
 * empty. Without the timer, the backlog is sent when the next message is logged.
 */
int log_attach(struct log *log, sd_event *event);
/*
 * Call this after a reload. Switches to the sink of the new settings, and reopens a file,
 * because it may have been renamed. On failure the log does not change.
 */
int log_reopen(struct log *log, const struct daemon_settings *settings, struct maze_error *error);

/*
 * Logs a message without newline or full stop. `priority` is LOG_ERR, LOG_WARNING,
 * LOG_NOTICE, LOG_INFO or LOG_DEBUG. If `log` is NULL, prints to standard error.
 */
__attribute__((format(printf, 3, 4))) void log_printf(struct log *log, int priority,
						      const char *format, ...);
/* Likewise, for a message of this kind. `rule` is its name, or NULL. */
__attribute__((format(printf, 5, 6))) void log_note(struct log *log, int priority,
						    enum log_kind kind, const char *rule,
						    const char *format, ...);
void log_incident(struct log *log, int priority, const struct log_incident *incident);
/* Logs errors and notes as messages. */
void log_problems(struct log *log, const struct problems *problems);
/* Logs a message. If standard error is a terminal, the message appears there too. */
void log_announce(struct log *log, int priority, enum log_kind kind, const char *text);
/* The units of records, which belong to the log. NULL: `log` is NULL, or memory is short. */
struct units *log_units(struct log *log);
void log_record(struct log *log, const struct log_entry *entry);
/* Logs the result of an action. One that is pending or quiet is not logged, only passed on. */
void log_act(struct log *log, const struct log_action *action);
/* Passes actions to `on_act` too, until the next call. NULL: to none. */
void log_on_act(struct log *log, void (*on_act)(void *arg, const struct log_action *action),
		void *arg);

#endif
