/* SPDX-License-Identifier: GPL-2.0-only */
#include "record_variables.h"
#include "record_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "utf8_json.h"

/* What mazed adds to the fields of a record, and their keys in its log file. */
static const struct {
	const char *variable, *key;
	bool is_flag;
} added[] = {
	{ "MAZE_RULE", "rule", false },	    { "MAZE_CGROUP", "cgroup", false },
	{ "MAZE_ACTION", "action", false }, { "MAZE_STAGE", "stage", false },
	{ "MAZE_TRIED", "tried", true },    { "MAZE_APPLIED", "applied", true },
	{ "MAZE_UNIT", "unit", false },	    { "MAZE_USER_UNIT", "user_unit", false },
	{ "MAZE_POD", "pod", false },	    { "MAZE_CONTAINER", "container", false },
};

static json_t *text_json(const char *value)
{
	return utf8_json(value, strlen(value));
}

static json_t *flag_json(const char *value)
{
	return json_boolean(!strcmp(value, "yes"));
}

static json_t *number_json(const char *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	return errno || *end || end == value ? NULL : json_integer(number);
}

static json_t *share_json(const char *value)
{
	maze_u32 share;

	return maze_share_parse(value, &share, NULL) ? NULL
						     : json_real((double)share / MAZE_SHARE_ONE);
}

/* The number of the signal has no variable of its own. */
static json_t *signal_json(const char *value, json_t *object)
{
	int signal = 0;

	if (maze_signal_parse(value, &signal, NULL))
		signal = 0;
	json_object_set_new(object, "signal_number", json_integer(signal));
	return signal ? text_json(value) : json_null();
}

static json_t *value_json(const struct record_field *field, const char *value, json_t *object)
{
	switch (field->type) {
	case RECORD_NUMBER:
		return number_json(value);
	case RECORD_FLAG:
		return flag_json(value);
	case RECORD_SIGNAL:
		return signal_json(value, object);
	case RECORD_SHARE:
		return share_json(value);
	default:
		return text_json(value);
	}
}

json_t *record_from_variables(const char *(*get)(void *arg, const char *name), void *arg)
{
	const struct record_field *field;
	json_t *object = json_object();
	const char *value;
	size_t i;

	if (!object)
		return NULL;
	/* json_object_set_new() ignores a NULL value. */
	for (field = record_table; field->key; field++) {
		value = field->variable ? get(arg, field->variable) : NULL;
		if (value)
			json_object_set_new(object, field->key, value_json(field, value, object));
	}
	for (i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
		value = get(arg, added[i].variable);
		if (value)
			json_object_set_new(object, added[i].key,
					    added[i].is_flag ? flag_json(value) : text_json(value));
	}
	value = json_object_get(object, "action") ? get(arg, "MESSAGE") : NULL;
	if (value)
		json_object_set_new(object, "message", text_json(value));
	return object;
}
