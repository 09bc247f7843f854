/* SPDX-License-Identifier: GPL-2.0-only */
#include "collector_queue.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 512
#define BYTES_MAX (2U << 20)

void collector_queue_init(struct collector_queue *queue)
{
	*queue = (struct collector_queue){ .last = &queue->first };
}

void collector_queue_drop(struct collector_queue *queue, struct collector_message **link)
{
	struct collector_message *message = *link;

	*link = message->next;
	if (!*link)
		queue->last = link;
	queue->count--;
	queue->bytes -= message->size;
	free(message);
}

void collector_queue_clear_sent(struct collector_queue *queue)
{
	struct collector_message **link = &queue->first;

	while (*link) {
		if ((*link)->sent)
			collector_queue_drop(queue, link);
		else
			link = &(*link)->next;
	}
}

void collector_queue_clear(struct collector_queue *queue)
{
	while (queue->first)
		collector_queue_drop(queue, &queue->first);
}

void collector_queue_close(struct collector_queue *queue, const struct episode_key *key)
{
	struct collector_message **link = &queue->first;

	while (*link) {
		if ((*link)->sent && episode_key_equal(&(*link)->header.key, key))
			collector_queue_drop(queue, link);
		else
			link = &(*link)->next;
	}
}

void collector_queue_written(struct collector_queue *queue, const struct episode_key *key)
{
	struct collector_message *message;

	for (message = queue->first; message; message = message->next)
		message->written |= episode_key_equal(&message->header.key, key);
}

const struct collector_record *collector_message_verdict(const struct collector_message *message)
{
	const struct collector_record *record = (const void *)message->body;

	if (message->header.kind != COLLECTOR_RECORD ||
	    (record->record.event != MAZE_EVENT_SOFT && record->record.event != MAZE_EVENT_HARD))
		return NULL;
	return record;
}

size_t collector_queue_unwritten(const struct collector_queue *queue)
{
	const struct collector_message *message, *earlier;
	size_t count = 0;

	for (message = queue->first; message; message = message->next) {
		if (!collector_message_verdict(message) || message->written)
			continue;
		earlier = queue->first;
		while (earlier != message &&
		       !(collector_message_verdict(earlier) &&
			 episode_key_equal(&earlier->header.key, &message->header.key)))
			earlier = earlier->next;
		count += earlier == message;
	}
	return count;
}

/* Drops sent messages, oldest first. Returns false if this does not make enough room. */
static bool make_room(struct collector_queue *queue, size_t size)
{
	struct collector_message **link = &queue->first;

	while (queue->count >= COUNT_MAX || queue->bytes + size > BYTES_MAX) {
		while (*link && !(*link)->sent)
			link = &(*link)->next;
		if (!*link)
			return false;
		collector_queue_drop(queue, link);
	}
	return true;
}

bool collector_queue_is_behind(const struct collector_queue *queue)
{
	const struct collector_message *message;
	size_t count = 0, bytes = 0;

	for (message = queue->first; message; message = message->next) {
		count += !message->sent;
		bytes += message->sent ? 0 : message->size;
	}
	return count > COUNT_MAX / 2 || bytes > BYTES_MAX / 2;
}

bool collector_queue_add(struct collector_queue *queue, const struct collector_header *header,
			 const void *body, size_t size)
{
	struct collector_message *message;

	message = make_room(queue, size) ? malloc(sizeof(*message) + size) : NULL;
	if (!message)
		return false;
	message->next = NULL;
	message->header = *header;
	message->sent = message->written = false;
	message->size = size;
	memcpy(message->body, body, size);
	*queue->last = message;
	queue->last = &message->next;
	queue->count++;
	queue->bytes += size;
	return true;
}
