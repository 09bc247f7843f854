/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mazed says: sentences about itself, records, and what became of actions. Where
 * to is what [daemon] of maze.conf(5) says: the journal, syslog or a file. Saying
 * something never waits: what a full journal or disk does not take at once is kept,
 * up to a bound, and tried again; what is beyond the bound is counted, and the number
 * is said as soon as something is taken again.
 */
#ifndef MAZE_DAEMON_LOG_H
#define MAZE_DAEMON_LOG_H

#include <systemd/sd-event.h>

#include "../rules/rules.h"

struct log;

/* One record, with what mazed knows about it beyond what the kernel wrote. */
struct log_entry {
	const struct maze_record *record;
	const char *engine; /* the engine's name */
	const char *rule;   /* NULL: watched at somebody's request, or by no rule known now */
};

/* What became of one action upon a record. */
struct log_action {
	struct log_entry entry;
	const char *action; /* "renice" */
	bool tried;	    /* it came to the call that acts: not in shadow, not when refused */
	bool applied;	    /* and that call did it */
	const char *text;   /* the rest of the sentence; no full stop, no newline */
};

/* Opens what the settings say. -errno with a sentence; *ret_log is for log_close(). */
int log_open(const struct daemon_settings *settings, struct log **ret_log,
	     struct maze_error *error);
/* Tries once more to write what is kept; what then remains is said on standard error. */
void log_close(struct log *log);
/*
 * Lets the event loop try again what was not taken; without it, that is tried when
 * the next thing is said. Nothing runs while nothing is kept.
 */
int log_attach(struct log *log, sd_event *event);
/*
 * After a reload: turns to what the settings say now, and opens a file anew, so that
 * it may have been renamed meanwhile. On failure the log stays as it was.
 */
int log_reopen(struct log *log, const struct daemon_settings *settings, struct maze_error *error);

/*
 * Says one sentence, without newline or full stop; `priority` is LOG_ERR, LOG_WARNING,
 * LOG_NOTICE, LOG_INFO or LOG_DEBUG of syslog(3). With log NULL: to standard error.
 */
__attribute__((format(printf, 3, 4))) void log_say(struct log *log, int priority,
						   const char *format, ...);
void log_record(struct log *log, const struct log_entry *entry);
void log_act(struct log *log, const struct log_action *action);
/* What was lost since log_open(), in records and sentences; not what is still kept. */
maze_u64 log_losses(const struct log *log);

#endif
