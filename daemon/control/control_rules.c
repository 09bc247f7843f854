/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requests "rules", "mode" and "reset" of maze-control(5). The answer to "rules" has
 * a line for each rule. All lines are made at the request, because a reload frees rules.
 */
#include "control_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/record_time.h"

struct rules_stream {
	struct control_stream stream; /* first, because it is cast to rules_stream */
	char **lines;
	size_t count, next;
};

/* ---- how many tasks and groups each rule watches ------------------------------------- */

struct watched {
	maze_u64 tag;
	size_t index; /* of the rule */
	maze_u64 count;
};

static int by_tag(const void *left, const void *right)
{
	const struct watched *a = left, *b = right;

	return a->tag < b->tag ? -1 : a->tag > b->tag;
}

static int by_index(const void *left, const void *right)
{
	const struct watched *a = left, *b = right;

	return a->index < b->index ? -1 : a->index > b->index;
}

static void count_one(struct watched *counts, size_t rules, maze_u64 tag)
{
	struct watched wanted = { .tag = tag };
	struct watched *found = bsearch(&wanted, counts, rules, sizeof(*counts), by_tag);

	if (found)
		found->count++;
}

static size_t count_rules(const struct control_host *host)
{
	size_t count = 0;

	while (rule_states_at(host->rule_states, count))
		count++;
	return count;
}

/* Returns an element for each rule, in their order, which the caller frees. */
static struct watched *count_watched(const struct control_host *host, struct maze_error *error)
{
	size_t rules = count_rules(host), count = 0, i;
	struct watched *counts = calloc(rules + 1, sizeof(*counts));
	struct maze_entry *entries = NULL;
	struct maze_group *groups = NULL;

	for (i = 0; counts && i < rules; i++)
		counts[i] = (struct watched){ rule_states_at(host->rule_states, i)->tag, i, 0 };
	if (!counts || maze_list(host->maze, &entries, &count, error)) {
		free(counts);
		return NULL;
	}
	qsort(counts, rules, sizeof(*counts), by_tag);
	for (i = 0; i < count; i++)
		count_one(counts, rules, entries[i].tag);
	free(entries);
	if (!maze_list_groups(host->maze, &groups, &count, NULL)) {
		for (i = 0; i < count; i++)
			count_one(counts, rules, groups[i].entry.tag);
		free(groups);
	}
	qsort(counts, rules, sizeof(*counts), by_index);
	return counts;
}

/* ---- the list ------------------------------------------------------------------------ */

static json_t *time_or_null(maze_u64 boot_ns)
{
	char time[RFC3339_LEN];

	return boot_ns ? json_string(record_time_format(boot_ns, time)) : json_null();
}

static const char *mode_of(const struct rule *rule, const struct rule_state *state)
{
	if (rule->ignore)
		return "ignore";
	return state->tripped_ns || rule->settings.policy.flags & MAZE_POLICY_SHADOW ? "shadow"
										     : "enforcing";
}

static char *describe(const struct rule_state *state, maze_u64 watched)
{
	json_t *object = json_pack(
		"{s:s,s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "rule", state->name, "mode",
		mode_of(state->rule, state), "runtime", state->mode != RULE_MODE_FILE, "watched",
		(json_int_t)watched, "soft", (json_int_t)state->soft, "hard",
		(json_int_t)state->hard, "shadow_soft", (json_int_t)state->shadow_soft,
		"shadow_hard", (json_int_t)state->shadow_hard, "last_shadow",
		time_or_null(state->last_shadow_ns), "tripped", time_or_null(state->tripped_ns));
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	return text;
}

static enum control_produced produce(struct control_client *client, struct control_stream *stream)
{
	struct rules_stream *list = (struct rules_stream *)stream;

	for (; list->next < list->count; list->next++) {
		if (!control_client_room(client))
			return CONTROL_MORE;
		control_client_line(client, "rule", list->lines[list->next]);
	}
	if (!control_client_room(client))
		return CONTROL_MORE;
	control_client_ok(client, json_pack("{s:b}", "done", 1));
	return CONTROL_END;
}

static void free_stream(struct control_stream *stream)
{
	struct rules_stream *list = (struct rules_stream *)stream;
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->lines[i]);
	free(list->lines);
	free(list);
}

static struct rules_stream *make_stream(const struct control_host *host, struct maze_error *error)
{
	struct watched *watched = count_watched(host, error);
	struct rules_stream *list = watched ? calloc(1, sizeof(*list)) : NULL;
	size_t rules = count_rules(host);

	if (list)
		list->lines = calloc(rules + 1, sizeof(*list->lines));
	for (; list && list->lines && list->count < rules; list->count++) {
		list->lines[list->count] = describe(rule_states_at(host->rule_states, list->count),
						    watched[list->count].count);
		if (!list->lines[list->count])
			break;
	}
	free(watched);
	if (list && list->lines && list->count == rules)
		return list;
	if (list)
		free_stream(&list->stream);
	return NULL;
}

void control_rules(const struct control_host *host, struct control_client *client)
{
	struct maze_error error = { "out of memory" };
	struct rules_stream *list = make_stream(host, &error);

	if (!list) {
		control_client_error(client, -ENOMEM, error.text);
		return;
	}
	list->stream = (struct control_stream){ produce, free_stream };
	control_client_ok(client, json_pack("{s:s}", "config", host->config));
	client->stream = &list->stream;
}

/* ---- changes ------------------------------------------------------------------------- */

static void answer(struct control_client *client, int err, const struct maze_error *error)
{
	if (err)
		control_client_error(client, err, error->text);
	else
		control_client_ok(client, NULL);
}

void control_mode(const struct control_host *host, struct control_client *client,
		  const struct control_request *request)
{
	struct maze_error error = { "" };
	int err;

	if (control_refuse_others(client, "mode"))
		return;
	err = rule_states_set_mode(host->rule_states, request->rule, request->mode, &error);
	if (err == 1)
		err = host->apply(host->arg, &error);
	answer(client, err, &error);
}

void control_reset(const struct control_host *host, struct control_client *client,
		   const struct control_request *request)
{
	struct maze_error error = { "" };

	if (control_refuse_others(client, "reset"))
		return;
	answer(client, rule_states_reset(host->rule_states, request->rule, &error), &error);
}
