/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends the list of watches to one client. mazed reads the whole list first, and sends it
 * as the client reads.
 */
#include "control_streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/entry_json.h"
#include "../rules/tag.h"

struct list_stream {
	struct control_stream stream;	 /* first, because it is cast to list_stream */
	const struct control_host *host; /* its rules may be replaced between two lines */
	const char *engine;
	struct maze_entry *entries;
	size_t count, next;
	struct maze_group *groups;
	size_t groups_count, groups_next;
	bool changes; /* send only what differs from the entry before */
	json_t *last; /* NULL: no entry was sent */
};

/* NULL: it is watched by hand, or the rule is no longer in force. */
static const char *rule_of(const struct list_stream *list, maze_u64 tag)
{
	const struct rule *rule =
		tag_kind(tag) == TAG_RULE ? rules_by_tag(list->host->rules, tag) : NULL;

	return rule ? rule->name : NULL;
}

/* Removes the keys that `last` has with the same values. Consumes `object`. */
static json_t *only_changes(json_t *object, json_t *last)
{
	json_t *changes = json_object(), *value;
	const char *key;

	json_object_foreach(object, key, value)
		if (!json_equal(value, json_object_get(last, key)))
			json_object_set(changes, key, value);
	json_object_foreach(last, key, value)
		if (!json_object_get(object, key))
			json_object_set_new(changes, key, json_null());
	json_decref(object);
	return changes;
}

static void add_entry(struct control_client *client, struct list_stream *list,
		      const struct maze_entry *entry)
{
	json_t *object = entry_to_json(entry, list->engine, rule_of(list, entry->tag));
	json_t *last = list->last;
	char *json;

	if (list->changes) {
		list->last = json_incref(object);
		object = last ? only_changes(object, last) : object;
		json_decref(last);
	}
	json = json_line(object);
	if (json)
		control_client_line(client, "entry", json);
	free(json);
}

/* A line has an array of one group, because several could exceed the size of a line. */
static void add_group(struct control_client *client, const struct list_stream *list,
		      const struct maze_group *group)
{
	char *json = json_line(group_to_json(group, list->engine, rule_of(list, group->entry.tag)));
	char *array = NULL;

	if (json && asprintf(&array, "[%s]", json) > 0) {
		control_client_line(client, "groups", array);
		free(array);
	}
	free(json);
}

static enum control_produced produce(struct control_client *client, struct control_stream *stream)
{
	struct list_stream *list = (struct list_stream *)stream;

	for (; list->next < list->count; list->next++) {
		if (!control_client_room(client))
			return CONTROL_MORE;
		add_entry(client, list, &list->entries[list->next]);
	}
	for (; list->groups_next < list->groups_count; list->groups_next++) {
		if (!control_client_room(client))
			return CONTROL_MORE;
		add_group(client, list, &list->groups[list->groups_next]);
	}
	if (!control_client_room(client))
		return CONTROL_MORE;
	control_client_ok(client, json_pack("{s:b}", "done", 1));
	return CONTROL_END;
}

static void free_stream(struct control_stream *stream)
{
	struct list_stream *list = (struct list_stream *)stream;

	json_decref(list->last);
	free(list->entries);
	free(list->groups);
	free(list);
}

/* Removes tasks that are only observed: nearly all of the machine, with `observe = yes`. */
static void keep_limited(struct list_stream *list)
{
	size_t i, kept = 0;

	for (i = 0; i < list->count; i++)
		if (!maze_is_only_observed(&list->entries[i]))
			list->entries[kept++] = list->entries[i];
	list->count = kept;
}

/* Removes the entries and groups of other users, and frees the memory of most. */
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
	for (i = 0, kept = 0; i < list->groups_count; i++)
		if (list->groups[i].entry.uid == uid)
			list->groups[kept++] = list->groups[i];
	list->groups_count = kept;
}

void control_list(const struct control_host *host, struct control_client *client, bool changes)
{
	struct list_stream *list = calloc(1, sizeof(*list));
	struct maze_error error = { "out of memory" };
	int err = -ENOMEM;

	if (list)
		err = maze_list(host->maze, &list->entries, &list->count, &error);
	if (!err)
		err = maze_list_groups(host->maze, &list->groups, &list->groups_count, &error);
	if (err) {
		free(list ? list->entries : NULL);
		free(list);
		control_client_error(client, err, error.text);
		return;
	}
	keep_limited(list);
	if (!client->reads_all)
		keep_own(list, client->peer.uid);
	list->host = host;
	list->changes = changes;
	list->engine = maze_engine_name(host->maze);
	list->stream = (struct control_stream){ produce, free_stream };
	control_client_ok(client, json_pack("{s:s}", "engine", list->engine));
	client->stream = &list->stream;
}
