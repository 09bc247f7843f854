/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue of messages to one user's worker (collector_worker.h) about open incidents.
 * Some messages were not sent yet. The others were sent, but stay in the queue, because a
 * replacement of the worker needs them. The number and the size of the messages are
 * limited.
 */
#ifndef MAZE_EVIDENCE_COLLECTOR_QUEUE_H
#define MAZE_EVIDENCE_COLLECTOR_QUEUE_H

#include "collector_worker.h"

struct collector_message {
	struct collector_message *next;
	struct collector_header header;
	bool sent;
	bool written; /* the incident has its file */
	size_t size;
	char body[];
};

struct collector_queue {
	struct collector_message *first, **last;
	size_t count, bytes;
};

void collector_queue_init(struct collector_queue *queue);
/* Drops sent messages to make room. Returns false if room or memory is missing. */
bool collector_queue_add(struct collector_queue *queue, const struct collector_header *header,
			 const void *body, size_t size);
/*
 * Whether unsent messages take more than half of the room, because the worker is slow.
 * Then do not add a process info that comes before its record. Otherwise the record may
 * find no room, and an incident without a record is never written.
 */
bool collector_queue_is_behind(const struct collector_queue *queue);
void collector_queue_drop(struct collector_queue *queue, struct collector_message **link);
/* The record of a soft or hard verdict; NULL: the message has none. */
const struct collector_record *collector_message_verdict(const struct collector_message *message);
/* Marks the messages of an incident that has its file. */
void collector_queue_written(struct collector_queue *queue, const struct episode_key *key);
/* The number of episodes with a verdict that have no file. Takes time for each pair. */
size_t collector_queue_unwritten(const struct collector_queue *queue);
/* Drops the sent messages of a closed incident. */
void collector_queue_close(struct collector_queue *queue, const struct episode_key *key);
/* Drops all sent messages. Call it only when no incident is open. */
void collector_queue_clear_sent(struct collector_queue *queue);
void collector_queue_clear(struct collector_queue *queue);

#endif
