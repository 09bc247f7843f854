/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads values of JSON objects and keeps the first type error for one check at the end.
 */
#ifndef MAZE_REPORT_JSON_READER_H
#define MAZE_REPORT_JSON_READER_H

#include <jansson.h>
#include <stdbool.h>

struct json_reader {
	const char *where;	 /* "records", for the error */
	const char *wrong_where; /* of the first type error */
	const char *wrong_key;	 /* NULL: no error; "": the array itself */
	const char *wanted;
};

/* A missing or null value is returned as NULL, INCIDENT_UNKNOWN or `otherwise`. */
const char *read_text(struct json_reader *reader, const json_t *object, const char *key);
long long read_number(struct json_reader *reader, const json_t *object, const char *key);
bool read_flag(struct json_reader *reader, const json_t *object, const char *key, bool otherwise);
json_t *read_array(struct json_reader *reader, const json_t *object, const char *key);
json_t *read_object(struct json_reader *reader, const json_t *object, const char *key);
/* RFC 3339 as ns since 1970. INCIDENT_UNKNOWN for an invalid time. */
long long read_time(struct json_reader *reader, const json_t *object, const char *key);
/* An object in an array; NULL: not an object. */
json_t *read_element(struct json_reader *reader, const json_t *array, size_t index);
void type_error(struct json_reader *reader, const char *key, const char *wanted);

#endif
