/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a place that logs go to must be able to do. A new one is one file and one row
 * of the table in log.c. Messages become bytes first and are sent after, so that what
 * is not taken can be kept as it is.
 */
#ifndef MAZE_DAEMON_LOG_SINK_H
#define MAZE_DAEMON_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "log.h"

/* A sentence is cut there; the longest are about rules, with a path and a pattern. */
#define LOG_TEXT_SIZE 2048
/* A message with all its fields, each character of the sentence escaped. */
#define LOG_MESSAGE_SIZE 8192

struct log_message {
	int priority;			 /* LOG_ERR to LOG_DEBUG */
	maze_u64 boot_ns;		 /* CLOCK_BOOTTIME of what it is about */
	const char *text;		 /* one line of printable UTF-8 */
	const struct log_entry *entry;	 /* NULL: it is about no record */
	const struct log_action *action; /* NULL: it is about no action */
};

/* An open place: a socket, or a file. */
struct log_target {
	int fd;
	bool torn; /* of a file: its last line is not whole */
};

struct log_sink {
	const char *name;
	int (*open)(const struct daemon_settings *settings, struct log_target *ret_target,
		    struct maze_error *error);
	/* Returns the length, or -ENOBUFS, -ENOMEM. */
	int (*render)(const struct log_message *message, char *buf, size_t size);
	/* All or nothing, and at once. -errno: try later; -EMSGSIZE: it is never taken. */
	int (*send)(struct log_target *target, const char *bytes, size_t length);
};

extern const struct log_sink log_journal;
extern const struct log_sink log_syslog;
extern const struct log_sink log_file;

#endif
