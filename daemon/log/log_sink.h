/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of a sink: journal, syslog, file. A new one is one file and one row of
 * the table in log.c. A message is rendered to bytes first and then sent, so that a
 * message that is not accepted can be queued.
 */
#ifndef MAZE_DAEMON_LOG_SINK_H
#define MAZE_DAEMON_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "log.h"

/* Longer text is cut. The longest messages are about rules, with a path and a pattern. */
#define LOG_TEXT_SIZE 2048
/* All fields, with each character of the text escaped. */
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
	bool torn; /* of a file: the last line is incomplete */
};

struct log_sink {
	const char *name;
	int (*open)(const struct daemon_settings *settings, struct log_target *ret_target,
		    struct maze_error *error);
	/* Returns the length, or -ENOBUFS, -ENOMEM. */
	int (*render)(const struct log_message *message, char *buf, size_t size);
	/* All or nothing; does not block. -errno: try later; -EMSGSIZE: never accepted. */
	int (*send)(struct log_target *target, const char *bytes, size_t length);
};

extern const struct log_sink log_journal;
extern const struct log_sink log_syslog;
extern const struct log_sink log_file;

#endif
