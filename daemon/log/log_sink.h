/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of a sink: journal, syslog, or file. A new sink is one file and one row
 * of the table in log.c. A sink first renders a message to bytes and then sends the
 * bytes. So bytes that are not accepted can be queued.
 */
#ifndef MAZE_DAEMON_LOG_SINK_H
#define MAZE_DAEMON_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "log.h"

/* Longer text is cut. The longest messages are about rules with a path and a pattern. */
#define LOG_TEXT_SIZE 2048
/* Enough for all fields if each character of the text is escaped. */
#define LOG_MESSAGE_SIZE 8192

struct log_message {
	int priority;			 /* LOG_ERR to LOG_DEBUG */
	maze_u64 boot_ns;		 /* CLOCK_BOOTTIME of the event */
	const char *text;		 /* one line of printable UTF-8 */
	const struct log_entry *entry;	 /* NULL: not about a record */
	const struct log_action *action; /* NULL: not about an action */
};

/* An open socket or file. */
struct log_target {
	int fd;
	bool torn; /* the last line of the file is incomplete */
};

struct log_sink {
	const char *name;
	int (*open)(const struct daemon_settings *settings, struct log_target *ret_target,
		    struct maze_error *error);
	/* Returns the length, -ENOBUFS or -ENOMEM. */
	int (*render)(const struct log_message *message, char *buf, size_t size);
	/*
	 * Sends all or nothing and does not block. Returns 0, -EMSGSIZE if the sink never
	 * accepts the message, or another -errno if a later call may succeed.
	 */
	int (*send)(struct log_target *target, const char *bytes, size_t length);
};

extern const struct log_sink log_journal;
extern const struct log_sink log_syslog;
extern const struct log_sink log_file;

#endif
