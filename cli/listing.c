/* SPDX-License-Identifier: GPL-2.0-only */
#include "listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/entry_json.h"
#include "lib/json_get.h"
#include "mazed_client.h"

/* If the number is 0 or a power of two, the arrays are full, so double them. */
static bool grow(struct listing *listing)
{
	size_t room = listing->count ? listing->count * 2 : 1;
	struct maze_entry *entries;
	char(*rules)[LISTING_RULE_LEN];

	if (listing->count & (listing->count - 1))
		return true;
	entries = reallocarray(listing->entries, room, sizeof(*entries));
	if (entries)
		listing->entries = entries;
	rules = reallocarray(listing->rules, room, sizeof(*rules));
	if (rules)
		listing->rules = rules;
	return entries && rules;
}

static void copy_rule(char rule[LISTING_RULE_LEN], const json_t *object)
{
	const char *name = json_text(object, "rule");

	snprintf(rule, LISTING_RULE_LEN, "%s", name ? name : "");
}

static int fail_memory(const struct mazed_client *client)
{
	mazed_report(client, "out of memory");
	return -ENOMEM;
}

static int add_entry(const struct mazed_client *client, struct listing *listing,
		     const json_t *object)
{
	if (!grow(listing))
		return fail_memory(client);
	if (!entry_from_json(object, &listing->entries[listing->count]))
		return mazed_refuse(client, "list entry", object);
	copy_rule(listing->rules[listing->count++], object);
	return 0;
}

static int add_groups(const struct mazed_client *client, struct listing *listing)
{
	const json_t *groups = client->groups;
	size_t count = json_array_size(groups), i;
	char(*rules)[LISTING_RULE_LEN];
	const json_t *object;

	if (!count)
		return 0;
	listing->groups = calloc(count, sizeof(*listing->groups));
	rules = reallocarray(listing->rules, listing->count + count, sizeof(*rules));
	if (rules)
		listing->rules = rules;
	if (!listing->groups || !rules)
		return fail_memory(client);
	for (i = 0; i < count; i++) {
		object = json_array_get(groups, i);
		if (!json_is_object(object) || !group_from_json(object, &listing->groups[i]))
			return mazed_refuse(client, "group", object);
		copy_rule(listing->rules[listing->count + i], object);
		listing->groups_count++;
	}
	return 0;
}

int listing_from_mazed(struct mazed_client *client, struct listing *listing)
{
	json_t *entry = json_object(), *changes;
	int err;

	json_decref(client->groups);
	client->groups = NULL;
	if (!mazed_call(client, json_pack("{s:s,s:b}", "do", "list", "changes", 1))) {
		json_decref(entry);
		return -EPROTO;
	}
	snprintf(listing->engine, sizeof(listing->engine), "%s",
		 client->engine ? client->engine : "unknown");
	while ((err = mazed_next(client, "entry", &changes)) == 1) {
		json_object_update(entry, changes);
		json_decref(changes);
		err = add_entry(client, listing, entry);
		if (err)
			break;
	}
	json_decref(entry);
	return err ? err : add_groups(client, listing);
}

int listing_from_engine(struct maze *maze, struct listing *listing, struct maze_error *error)
{
	size_t i, kept = 0;
	int err;

	snprintf(listing->engine, sizeof(listing->engine), "%s", maze_engine_name(maze));
	err = maze_list(maze, &listing->entries, &listing->count, error);
	for (i = 0; !err && i < listing->count; i++)
		if (!maze_is_only_observed(&listing->entries[i]))
			listing->entries[kept++] = listing->entries[i];
	listing->count = kept;
	return err;
}

void listing_free(struct listing *listing)
{
	free(listing->entries);
	free(listing->groups);
	free(listing->rules);
	memset(listing, 0, sizeof(*listing));
}
