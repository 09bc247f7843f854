/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends the list of watches to one client. mazed reads the whole list first, and sends it
 * as the client reads.
 */
#include "control_streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list_stream {
	struct control_stream stream; /* first, because it is cast to list_stream */
	const char *engine;
	struct maze_entry *entries;
	size_t count, next;
};

static enum control_produced produce(struct control_client *client, struct control_stream *stream)
{
	struct list_stream *list = (struct list_stream *)stream;
	char *json;

	for (; list->next < list->count; list->next++) {
		if (!control_client_room(client))
			return CONTROL_MORE;
		json = maze_entry_json(&list->entries[list->next], list->engine);
		if (json)
			control_client_line(client, "entry", json);
		free(json);
	}
	if (!control_client_room(client))
		return CONTROL_MORE;
	control_client_ok(client, json_pack("{s:b}", "done", 1));
	return CONTROL_END;
}

static void free_stream(struct control_stream *stream)
{
	struct list_stream *list = (struct list_stream *)stream;

	free(list->entries);
	free(list);
}

/* Removes the entries of other users and frees their memory. */
static void keep_own(struct list_stream *list, uid_t uid)
{
	struct maze_entry *fewer;
	size_t i, kept = 0;

	for (i = 0; i < list->count; i++)
		if (list->entries[i].uid == uid)
			list->entries[kept++] = list->entries[i];
	list->count = kept;
	fewer = realloc(list->entries, (kept ? kept : 1) * sizeof(*fewer));
	if (fewer)
		list->entries = fewer;
}

void control_list(const struct control_host *host, struct control_client *client)
{
	struct list_stream *list = calloc(1, sizeof(*list));
	struct maze_error error = { "out of memory" };
	int err = -ENOMEM;

	if (list)
		err = maze_list(host->maze, &list->entries, &list->count, &error);
	if (err) {
		free(list);
		control_client_error(client, err, error.text);
		return;
	}
	if (!client->root)
		keep_own(list, client->peer.uid);
	list->engine = maze_engine_name(host->maze);
	list->stream = (struct control_stream){ produce, free_stream };
	control_client_ok(client, json_pack("{s:s}", "engine", list->engine));
	client->stream = &list->stream;
}
