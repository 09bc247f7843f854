/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking values out of JSON objects one after the other, with one look at the end
 * whether all of them were of the right kind: the first that was not is kept.
 */
#ifndef MAZE_REPORT_JSON_READER_H
#define MAZE_REPORT_JSON_READER_H

#include <jansson.h>
#include <stdbool.h>

struct json_reader {
	const char *where;	 /* "records", for the sentence */
	const char *wrong_where; /* of the first value that was wrong; NULL: none was */
	const char *wrong_key;
	const char *wanted;
};

/* Missing or null: NULL, INCIDENT_UNKNOWN or `otherwise`. */
const char *read_text(struct json_reader *reader, const json_t *object, const char *key);
long long read_number(struct json_reader *reader, const json_t *object, const char *key);
bool read_flag(struct json_reader *reader, const json_t *object, const char *key, bool otherwise);
json_t *read_array(struct json_reader *reader, const json_t *object, const char *key);
json_t *read_object(struct json_reader *reader, const json_t *object, const char *key);
/* RFC 3339 in UTC or with an offset, as ns since 1970. A text that is no time: unknown. */
long long read_time(struct json_reader *reader, const json_t *object, const char *key);
/* An element of an array that has to be an object; NULL otherwise. */
json_t *read_element(struct json_reader *reader, const json_t *array, size_t index);
/* Notes that a value was not as wanted. */
void type_error(struct json_reader *reader, const char *key, const char *wanted);

#endif
