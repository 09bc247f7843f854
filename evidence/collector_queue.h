/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The messages for one user's open incidents, in their order and bounded: those that were
 * not sent yet, and those that a replacing worker needs again.
 */
#ifndef MAZE_EVIDENCE_COLLECTOR_QUEUE_H
#define MAZE_EVIDENCE_COLLECTOR_QUEUE_H

#include "collector_worker.h"

struct collector_message {
	struct collector_message *next;
	struct collector_header header;
	bool sent;
	size_t size;
	char body[];
};

struct collector_queue {
	struct collector_message *first, **last;
	size_t count, bytes;
};

void collector_queue_init(struct collector_queue *queue);
/* False: full of messages that were not sent, or out of memory. */
bool collector_queue_add(struct collector_queue *queue, const struct collector_header *header,
			 const void *body, size_t size);
/*
 * Half of the messages or bytes were not sent: the worker is slow. Then a process info
 * that comes before its record must not be added. There may be no room for the record
 * later, and an incident without a record is never written.
 */
bool collector_queue_is_behind(const struct collector_queue *queue);
void collector_queue_drop(struct collector_queue *queue, struct collector_message **link);
/* Drops what was sent of a closed incident. */
void collector_queue_close(struct collector_queue *queue, maze_u32 pid, maze_u32 tid,
			   maze_u32 episode);
/* Drops what was sent when no incident is open; the rest belongs to a later one. */
void collector_queue_clear_sent(struct collector_queue *queue);
void collector_queue_clear(struct collector_queue *queue);
bool collector_message_is_of(const struct collector_message *message, maze_u32 pid, maze_u32 tid,
			     maze_u32 episode);

#endif
