/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends records to one client. mazed reads all old records from the engine's rings first,
 * and sends them as the client reads. New records follow when mazed dispatches them. Each
 * client has its own queue, so that clients do not delay each other. If the queue is
 * full, mazed drops and counts further records.
 */
#include "control_streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../log/entry_json.h"
#include "../rules/tag.h"

/* Queued records take at most 24 KiB. A client that reads a moment late loses none. */
#define QUEUE_MAX 256
/* A bound for the loop. The engines store fewer records. */
#define KEPT_MAX 65536

struct events_stream {
	struct control_stream stream; /* first, because it is cast to events_stream */
	const struct control_host *host;
	const char *engine;
	struct maze_record *kept;
	size_t kept_count, kept_next;
	bool follow;
	struct maze_record *queue; /* QUEUE_MAX records; NULL: `follow` is false */
	size_t queue_next, queue_count;
	maze_u64 lost;
	/* The highest sequence number read, of each kind (kind_of()). */
	maze_u64 seen[2];
};

static int kind_of(const struct maze_record *record)
{
	return record->event == MAZE_EVENT_SOFT || record->event == MAZE_EVENT_HARD ||
			       record->event == MAZE_EVENT_LOST
		       ? 0
		       : 1;
}

static void send_record(struct control_client *client, const struct events_stream *events,
			const struct maze_record *record)
{
	const struct rule *rule = tag_kind(record->tag) == TAG_RULE
					  ? rules_by_tag(events->host->rules, record->tag)
					  : NULL;
	const struct log_entry entry = {
		.record = record,
		.engine = events->engine,
		.rule = rule ? rule->name : NULL,
		.unit = units_find(log_units(events->host->log), record, NULL),
	};
	char *json = entry_json(&entry);

	if (json)
		control_client_line(client, "record", json);
	free(json);
}

static bool send_lost(struct control_client *client, struct events_stream *events)
{
	struct maze_record record = { .event = MAZE_EVENT_LOST, .lost = events->lost };

	if (!control_client_room(client))
		return false;
	record.boot_ns = now_ns(CLOCK_BOOTTIME);
	send_record(client, events, &record);
	events->lost = 0;
	return true;
}

static enum control_produced produce(struct control_client *client, struct control_stream *stream)
{
	struct events_stream *events = (struct events_stream *)stream;

	for (; events->kept_next < events->kept_count; events->kept_next++) {
		if (!control_client_room(client))
			return CONTROL_MORE;
		send_record(client, events, &events->kept[events->kept_next]);
	}
	free(events->kept);
	events->kept = NULL;
	events->kept_next = events->kept_count = 0;
	for (; events->queue_count; events->queue_count--) {
		if (!control_client_room(client))
			return CONTROL_MORE;
		send_record(client, events, &events->queue[events->queue_next]);
		events->queue_next = (events->queue_next + 1) % QUEUE_MAX;
	}
	if (events->lost && !send_lost(client, events))
		return CONTROL_MORE;
	if (events->follow)
		return CONTROL_IDLE;
	if (!control_client_room(client))
		return CONTROL_MORE;
	control_client_ok(client, json_pack("{s:b}", "done", 1));
	return CONTROL_END;
}

static void free_stream(struct control_stream *stream)
{
	struct events_stream *events = (struct events_stream *)stream;

	free(events->kept);
	free(events->queue);
	free(events);
}

/* Shows users their own records. Records of losses concern all users. */
static bool is_shown(const struct control_client *client, const struct maze_record *record)
{
	return client->reads_all || record->event == MAZE_EVENT_LOST ||
	       record->uid == client->peer.uid;
}

static int store(struct events_stream *events, const struct maze_record *record, size_t *room)
{
	struct maze_record *grown;

	if (events->kept_count == *room) {
		*room = *room ? *room * 2 : 64;
		grown = reallocarray(events->kept, *room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		events->kept = grown;
	}
	events->kept[events->kept_count++] = *record;
	return 0;
}

/* The reader is open only during this call, because an engine allows few readers. */
static int read_kept(const struct control_host *host, struct control_client *client,
		     struct events_stream *events, struct maze_error *error)
{
	struct maze_reader *reader;
	struct maze_record record;
	size_t room = 0, read = 0;
	int err = maze_reader_open(host->maze, true, &reader, error);

	if (err)
		return err;
	while (!err && read++ < KEPT_MAX && maze_reader_next(reader, &record) == 1) {
		if (record.seq > events->seen[kind_of(&record)])
			events->seen[kind_of(&record)] = record.seq;
		if (is_shown(client, &record))
			err = store(events, &record, &room);
	}
	maze_reader_close(reader);
	return err ? -ENOMEM : 0;
}

void control_events_on_record(struct control_client *client, const struct maze_record *record)
{
	struct events_stream *events = (struct events_stream *)client->stream;

	if (!events || events->stream.produce != produce || !events->follow ||
	    !is_shown(client, record))
		return;
	/* Skip a record that read_kept() read before mazed dispatched it. */
	if (record->seq && record->seq <= events->seen[kind_of(record)])
		return;
	if (events->queue_count == QUEUE_MAX || events->lost) {
		events->lost += record->event == MAZE_EVENT_LOST && !record->seq ? record->lost : 1;
	} else {
		events->queue[(events->queue_next + events->queue_count) % QUEUE_MAX] = *record;
		events->queue_count++;
	}
	control_client_wake(client);
}

void control_events(const struct control_host *host, struct control_client *client, bool kept,
		    bool follow)
{
	struct events_stream *events = calloc(1, sizeof(*events));
	struct maze_error error = { "out of memory" };
	int err = -ENOMEM;

	if (events && follow)
		events->queue = calloc(QUEUE_MAX, sizeof(*events->queue));
	if (events && (events->queue || !follow))
		err = kept ? read_kept(host, client, events, &error) : 0;
	if (err) {
		if (events)
			free_stream(&events->stream);
		control_client_error(client, err, error.text);
		return;
	}
	events->host = host;
	events->engine = maze_engine_name(host->maze);
	events->follow = follow;
	events->stream = (struct control_stream){ produce, free_stream };
	control_client_ok(client, json_pack("{s:s}", "engine", events->engine));
	client->stream = &events->stream;
}
