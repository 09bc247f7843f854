/* SPDX-License-Identifier: GPL-2.0-only */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/escape.h"
#include "../base/local_users.h"
#include "../base/proc_files.h"
#include "../base/rfc3339.h"
#include "../lib/cgroup_origin.h"
#include "../lib/json_get.h"
#include "../report/incident_dir.h"
#include "../report/shown.h"

/* More rows than an operator reads, and the text stays below 100 KiB. */
#define ROWS_MAX 100
#define VERDICTS_MAX 20

struct row {
	json_t *entry;
	double nearness;
};

struct list {
	struct row rows[ROWS_MAX];
	size_t count;
	size_t watched; /* with those that are no rows */
	size_t lowest;	/* if the list is full: the row that is farthest from its limits */
};

struct state {
	const struct incident_index *index;
	struct list now, next;
	json_t *status;			/* NULL: unknown */
	json_t *verdicts[VERDICTS_MAX]; /* the newest is at verdicts_next - 1 */
	size_t verdicts_next, verdicts_count;
	json_int_t lost;
	char *why; /* NULL: mazed answers */
	struct users users;
};

struct state *state_new(const struct incident_index *index)
{
	struct state *state = calloc(1, sizeof(*state));

	if (state)
		state->index = index;
	return state;
}

/* ---- watches ----------------------------------------------------------------------- */

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* A group has a level, and a thread a count. */
static double count_of(const json_t *entry)
{
	return json_object_get(entry, "level_ns") ? number(entry, "level_ns")
						  : number(entry, "count_ns");
}

/* From 0 to 1 below the soft limit, from 1 to 2 below the hard limit. */
static double nearness(const json_t *entry)
{
	double count = count_of(entry), soft = number(entry, "soft_ns"),
	       hard = number(entry, "hard_ns");

	if (soft > 0 && count < soft)
		return count / soft;
	return (soft > 0) + (hard > 0 ? count / hard : 0);
}

static void clear(struct list *list)
{
	while (list->count)
		json_decref(list->rows[--list->count].entry);
	list->watched = 0;
}

static void find_lowest(struct list *list)
{
	size_t i;

	list->lowest = 0;
	for (i = 1; i < list->count; i++)
		if (list->rows[i].nearness < list->rows[list->lowest].nearness)
			list->lowest = i;
}

void state_begin_list(struct state *state)
{
	clear(&state->next);
}

void state_add(struct state *state, json_t *entry)
{
	struct list *list = &state->next;
	struct row row = { .entry = entry, .nearness = nearness(entry) };
	struct row *at;

	list->watched++;
	if (list->count < ROWS_MAX) {
		at = &list->rows[list->count++];
	} else {
		at = &list->rows[list->lowest];
		if (row.nearness <= at->nearness)
			return;
		json_decref(at->entry);
	}
	json_incref(entry);
	*at = row;
	if (list->count == ROWS_MAX)
		find_lowest(list);
}

static int nearest_first(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	double x = number(a->entry, "tid"), y = number(b->entry, "tid");

	if (a->nearness != b->nearness)
		return a->nearness > b->nearness ? -1 : 1;
	return (x > y) - (x < y);
}

void state_end_list(struct state *state)
{
	clear(&state->now);
	state->now = state->next;
	state->next = (struct list){ .count = 0 };
	qsort(state->now.rows, state->now.count, sizeof(state->now.rows[0]), nearest_first);
	free(state->why);
	state->why = NULL;
}

void state_set_status(struct state *state, json_t *status)
{
	json_decref(state->status);
	state->status = json_incref(status);
}

void state_set_failure(struct state *state, const char *why)
{
	clear(&state->now);
	clear(&state->next);
	json_decref(state->status);
	state->status = NULL;
	free(state->why);
	state->why = strdup(why);
}

/* ---- verdicts ---------------------------------------------------------------------- */

void state_forget_records(struct state *state)
{
	size_t i;

	for (i = 0; i < VERDICTS_MAX; i++) {
		json_decref(state->verdicts[i]);
		state->verdicts[i] = NULL;
	}
	state->verdicts_next = state->verdicts_count = 0;
	state->lost = 0;
}

void state_add_record(struct state *state, json_t *record)
{
	const char *event = json_text(record, "event");
	json_t **at = &state->verdicts[state->verdicts_next];

	if (event && !strcmp(event, "lost"))
		state->lost += json_number(record, "lost");
	if (!event || (strcmp(event, "soft") != 0 && strcmp(event, "hard") != 0))
		return;
	json_decref(*at);
	*at = json_incref(record);
	state->verdicts_next = (state->verdicts_next + 1) % VERDICTS_MAX;
	if (state->verdicts_count < VERDICTS_MAX)
		state->verdicts_count++;
}

/* ---- the text ---------------------------------------------------------------------- */

/* The PID may be reused, and then the unit is that of the new process. */
static void add_origin(json_t *row)
{
	json_int_t pid = json_number(row, "pid");
	const char *name = json_text(row, "name");
	char process[24], path[PROC_CGROUP_SIZE];
	struct origin origin = { 0 };
	size_t i;

	snprintf(process, sizeof(process), "%lld", (long long)pid);
	if (pid > 0 && !proc_cgroup_of(process, path))
		cgroup_origin(path, &origin);
	else if (name && name[0] == '/')
		cgroup_origin(name, &origin);
	for (i = ORIGIN_CONTAINER; i <= ORIGIN_USER_UNIT; i++)
		if (origin.text[i][0] && !json_object_get(row, origin_table[i].key))
			json_object_set_new(row, origin_table[i].key, json_string(origin.text[i]));
}

static void add_user(struct state *state, json_t *row)
{
	const json_t *uid = json_object_get(row, "uid");
	const char *name = json_is_integer(uid)
				   ? users_name(&state->users, (uid_t)json_integer_value(uid))
				   : NULL;

	if (name)
		json_object_set_new(row, "user", json_string(name));
}

static void add_incident(const struct state *state, json_t *row)
{
	const char *fired = json_text(row, "fired"), *id;
	char part[INCIDENT_PART_MAX];

	if (fired && !strcmp(fired, "none"))
		return;
	incident_id_part(json_text(row, "scope"), (maze_u64)json_number(row, "pid"),
			 (maze_u64)json_number(row, "tid"), (maze_u64)json_number(row, "cgroup_id"),
			 part);
	id = incident_index_find(state->index, part);
	if (id)
		json_object_set_new(row, "incident", json_string(id));
}

/* Names come from users. A control character in one could reorder the text of the page. */
static void escape_texts(json_t *row)
{
	char clean[512];
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(row, next, key, value) if (json_is_string(value))
		json_object_set_new(
			row, key,
			json_string(escape_copy(clean, sizeof(clean), json_string_value(value))));
}

static json_t *rows_json(struct state *state)
{
	json_t *array = json_array(), *row;
	size_t i;

	for (i = 0; i < state->now.count; i++) {
		row = json_copy(state->now.rows[i].entry);
		add_user(state, row);
		add_origin(row);
		add_incident(state, row);
		escape_texts(row);
		json_array_append_new(array, row);
	}
	return array;
}

/* What was done, in the words of a report. */
static void add_done(json_t *row)
{
	const char *event = json_text(row, "event");
	struct incident_record record = {
		.event = event ? event : "",
		.signal = json_text(row, "signal"),
		.not_sent = json_text(row, "not_sent"),
		.sent = json_is_true(json_object_get(row, "sent")),
		.fatal = json_is_true(json_object_get(row, "fatal")),
		.shadow = json_is_true(json_object_get(row, "shadow")),
	};
	char *done = shown_act(&record);

	if (done)
		json_object_set_new(row, "done", json_string(done));
	free(done);
}

static json_t *verdicts_json(struct state *state)
{
	json_t *array = json_array(), *row;
	size_t i, at;

	for (i = 1; i <= state->verdicts_count; i++) {
		at = (state->verdicts_next + VERDICTS_MAX - i) % VERDICTS_MAX;
		row = json_copy(state->verdicts[at]);
		add_user(state, row);
		add_incident(state, row);
		add_done(row);
		escape_texts(row);
		json_array_append_new(array, row);
	}
	return array;
}

char *state_text(struct state *state)
{
	char host[256] = "", time[RFC3339_LEN], *text;
	json_t *root = json_object();

	gethostname(host, sizeof(host) - 1);
	rfc3339_format((long long)now_ns(CLOCK_REALTIME), time);
	json_object_set_new(root, "host", json_string(host));
	json_object_set_new(root, "version", json_string(MAZE_VERSION));
	json_object_set_new(root, "time", json_string(time));
	json_object_set_new(root, "mazed",
			    state->status ? json_incref(state->status) : json_null());
	json_object_set_new(root, "failure", state->why ? json_string(state->why) : json_null());
	json_object_set_new(root, "watched", json_integer((json_int_t)state->now.watched));
	json_object_set_new(root, "entries", rows_json(state));
	json_object_set_new(root, "verdicts", verdicts_json(state));
	json_object_set_new(root, "lost", json_integer(state->lost));
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

void state_free(struct state *state)
{
	if (!state)
		return;
	state_set_failure(state, "");
	state_forget_records(state);
	users_done(&state->users);
	free(state->why);
	free(state);
}
