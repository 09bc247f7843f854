/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The messages of one user's incidents that are open, in their order, bounded: those that
 * were not sent yet, and those that another worker would have to be sent again.
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
/* False: no room, as all messages wait to be sent, or no memory. */
bool collector_queue_add(struct collector_queue *queue, const struct collector_header *header,
			 const void *body, size_t size);
/*
 * Half of its messages or bytes wait to be sent: the worker does not keep up. Then a process
 * info whose record is not there yet is not to be added. It would open an incident for which
 * no record finds room, and one without a record is never written.
 */
bool collector_queue_is_behind(const struct collector_queue *queue);
/* The message at *place. */
void collector_queue_drop(struct collector_queue *queue, struct collector_message **place);
/* What was sent of an incident that is closed. */
void collector_queue_close(struct collector_queue *queue, maze_u32 pid, maze_u32 tid,
			   maze_u32 episode);
/* No incident is open; what was not sent is of one that will be. */
void collector_queue_clear_sent(struct collector_queue *queue);
void collector_queue_clear(struct collector_queue *queue);
bool collector_message_is_of(const struct collector_message *message, maze_u32 pid, maze_u32 tid,
			     maze_u32 episode);

#endif
