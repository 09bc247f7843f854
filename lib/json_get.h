/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of a JSON object. */
#ifndef MAZE_LIB_JSON_GET_H
#define MAZE_LIB_JSON_GET_H

#include <jansson.h>

/* NULL: there is none, or it is of another type. */
static inline const char *json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* 0: there is none, or it is of another type. */
static inline long long json_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

#endif
