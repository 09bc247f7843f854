/* SPDX-License-Identifier: GPL-2.0-only */
#include "json_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/rfc3339.h"
#include "incident.h"

void type_error(struct json_reader *reader, const char *key, const char *wanted)
{
	if (reader->wrong_key)
		return;
	reader->wrong_where = reader->where;
	reader->wrong_key = key;
	reader->wanted = wanted;
}

static json_t *get(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

const char *read_text(struct json_reader *reader, const json_t *object, const char *key)
{
	json_t *value = get(object, key);

	if (value && !json_is_string(value))
		type_error(reader, key, "a string");
	return json_string_value(value);
}

long long read_number(struct json_reader *reader, const json_t *object, const char *key)
{
	json_t *value = get(object, key);

	if (!value)
		return INCIDENT_UNKNOWN;
	if (!json_is_integer(value) || json_integer_value(value) < 0) {
		type_error(reader, key, "a whole number of at least 0");
		return INCIDENT_UNKNOWN;
	}
	return json_integer_value(value);
}

bool read_flag(struct json_reader *reader, const json_t *object, const char *key, bool otherwise)
{
	json_t *value = get(object, key);

	if (!value)
		return otherwise;
	if (!json_is_boolean(value))
		type_error(reader, key, "true or false");
	return json_is_true(value);
}

json_t *read_array(struct json_reader *reader, const json_t *object, const char *key)
{
	json_t *value = get(object, key);

	if (value && !json_is_array(value)) {
		type_error(reader, key, "an array");
		return NULL;
	}
	return value;
}

json_t *read_object(struct json_reader *reader, const json_t *object, const char *key)
{
	json_t *value = get(object, key);

	if (value && !json_is_object(value)) {
		type_error(reader, key, "an object");
		return NULL;
	}
	return value;
}

long long read_time(struct json_reader *reader, const json_t *object, const char *key)
{
	const char *text = read_text(reader, object, key);
	long long ns;

	return text && rfc3339_parse(text, &ns) ? ns : INCIDENT_UNKNOWN;
}

json_t *read_element(struct json_reader *reader, const json_t *array, size_t index)
{
	json_t *value = json_array_get(array, index);

	if (json_is_object(value))
		return value;
	type_error(reader, "", "an array of objects");
	return NULL;
}

bool array_room(const json_t *array, size_t size, void *ret_room, size_t *ret_count)
{
	size_t count = json_array_size(array);
	void *room = NULL;

	if (count) {
		room = calloc(count, size);
		if (!room)
			return false;
	}
	memcpy(ret_room, &room, sizeof(room));
	*ret_count = count;
	return true;
}

int json_reader_fail(const struct json_reader *reader, const char *what, struct maze_error *error)
{
	const char *where = reader->wrong_where ? reader->wrong_where : "";

	if (!reader->wrong_key[0])
		return maze_fail(error, -EINVAL, "not %s: \"%s\" must be %s", what, where,
				 reader->wanted);
	return maze_fail(error, -EINVAL, "not %s: \"%s\"%s%s%s must be %s", what, reader->wrong_key,
			 where[0] ? " in \"" : "", where, where[0] ? "\"" : "", reader->wanted);
}

int json_syntax_fail(const char *what, const json_error_t *json_error, struct maze_error *error)
{
	char text[JSON_ERROR_TEXT_LENGTH];
	size_t i;

	for (i = 0; i + 1 < sizeof(text) && json_error->text[i]; i++)
		text[i] = json_error->text[i] < ' ' || json_error->text[i] == 127
				  ? '?'
				  : json_error->text[i];
	text[i] = '\0';
	return maze_fail(error, -EINVAL, "not %s: not JSON (line %d: %s)", what, json_error->line,
			 text);
}
