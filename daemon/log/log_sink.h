/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sink is the place to which the log is written: the journal, standard error, syslog,
 * or a file. Each sink is one file and one row of the table in log.c. A sink first renders
 * a message to bytes and then sends the bytes. So the log can queue bytes that the sink
 * does not accept.
 */
#ifndef MAZE_DAEMON_LOG_SINK_H
#define MAZE_DAEMON_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "log.h"

/*
 * The size of a message's text. Longer text is cut. The longest messages are about rules
 * with a path and a pattern.
 */
#define LOG_TEXT_SIZE 2048
/*
 * The size of a rendered message, enough even if each character of the text is escaped.
 */
#define LOG_MESSAGE_SIZE 8192

struct log_message {
	int priority;			     /* LOG_ERR to LOG_DEBUG */
	maze_u64 boot_ns;		     /* CLOCK_BOOTTIME of the event */
	const char *text;		     /* one line of printable UTF-8 */
	const struct log_entry *entry;	     /* NULL: not about a record */
	const struct log_action *action;     /* NULL: not about an action */
	const struct log_incident *incident; /* NULL: not about an incident */
	enum log_kind kind;
	const char *rule; /* of a message of a kind; NULL: none */
};

/* An open socket or file. */
struct log_target {
	int fd;
	bool torn; /* the last line of the file is incomplete */
};

/* The send() of sinks that are files. */
int log_file_send(struct log_target *target, const char *bytes, size_t length);

struct log_sink {
	const char *name;
	int (*open)(const struct daemon_settings *settings, struct log_target *ret_target,
		    struct maze_error *error);
	/* Writes the bytes to `buf`. Returns their number, -ENOBUFS or -ENOMEM. */
	int (*render)(const struct log_message *message, char *buf, size_t size);
	/*
	 * Sends all bytes or none, and does not block. Returns 0, -EMSGSIZE if the sink
	 * never accepts this message, or another -errno if a later call may succeed.
	 */
	int (*send)(struct log_target *target, const char *bytes, size_t length);
};

extern const struct log_sink log_journal;
extern const struct log_sink log_stderr;
extern const struct log_sink log_syslog;
extern const struct log_sink log_file;

#endif
