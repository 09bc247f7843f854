/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bounded queue of messages to be sent. It allocates memory only while it has messages.
 */
#ifndef MAZE_DAEMON_BACKLOG_H
#define MAZE_DAEMON_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>

struct backlog {
	char *bytes; /* the length of each message is stored before it */
	size_t begin, end, max;
	size_t count;
};

void backlog_init(struct backlog *backlog, size_t max_bytes);
void backlog_done(struct backlog *backlog);
/* Returns false if the queue is full or memory is short. */
bool backlog_add(struct backlog *backlog, const char *message, size_t length);
size_t backlog_bytes(const struct backlog *backlog);
/* Returns the oldest message, which is valid until the queue changes, or NULL. */
const char *backlog_first(const struct backlog *backlog, size_t *ret_length);
void backlog_drop_first(struct backlog *backlog);

#endif
