/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking values out of JSON objects; see json_take.h.
 */
#include "json_take.h"
#include "incident.h"
#include "../base/rfc3339.h"

void take_wrong(struct taker *taker, const char *key, const char *wanted)
{
	if (taker->wrong_key)
		return;
	taker->wrong_where = taker->where;
	taker->wrong_key = key;
	taker->wanted = wanted;
}

static json_t *get(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

const char *take_text(struct taker *taker, const json_t *object, const char *key)
{
	json_t *value = get(object, key);

	if (value && !json_is_string(value))
		take_wrong(taker, key, "a text");
	return json_string_value(value);
}

long long take_number(struct taker *taker, const json_t *object, const char *key)
{
	json_t *value = get(object, key);

	if (!value)
		return INCIDENT_UNKNOWN;
	if (!json_is_integer(value) || json_integer_value(value) < 0) {
		take_wrong(taker, key, "a whole number of at least 0");
		return INCIDENT_UNKNOWN;
	}
	return json_integer_value(value);
}

bool take_flag(struct taker *taker, const json_t *object, const char *key, bool otherwise)
{
	json_t *value = get(object, key);

	if (!value)
		return otherwise;
	if (!json_is_boolean(value))
		take_wrong(taker, key, "true or false");
	return json_is_true(value);
}

json_t *take_array(struct taker *taker, const json_t *object, const char *key)
{
	json_t *value = get(object, key);

	if (value && !json_is_array(value)) {
		take_wrong(taker, key, "an array");
		return NULL;
	}
	return value;
}

json_t *take_object(struct taker *taker, const json_t *object, const char *key)
{
	json_t *value = get(object, key);

	if (value && !json_is_object(value)) {
		take_wrong(taker, key, "an object");
		return NULL;
	}
	return value;
}

long long take_time(struct taker *taker, const json_t *object, const char *key)
{
	const char *text = take_text(taker, object, key);
	long long ns;

	return text && rfc3339_parse(text, &ns) ? ns : INCIDENT_UNKNOWN;
}

json_t *take_element(struct taker *taker, const json_t *array, size_t index)
{
	json_t *value = json_array_get(array, index);

	if (json_is_object(value))
		return value;
	/* Without a key: it is the array that is wrong. */
	take_wrong(taker, "", "an array of objects");
	return NULL;
}
