/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads values of JSON objects. It keeps the first type error, so one check at the end is
 * enough.
 */
#ifndef MAZE_REPORT_JSON_READER_H
#define MAZE_REPORT_JSON_READER_H

#include <jansson.h>
#include <stdbool.h>

#include "../base/maze_error.h"

struct json_reader {
	const char *where;	 /* what is being read, such as "records", for the error */
	const char *wrong_where; /* `where` of the first type error */
	const char *wrong_key;	 /* NULL: no error; "": the array itself */
	const char *wanted;
};

/* For a missing or null value these return NULL, INCIDENT_UNKNOWN or `otherwise`. */
const char *read_text(struct json_reader *reader, const json_t *object, const char *key);
long long read_number(struct json_reader *reader, const json_t *object, const char *key);
bool read_flag(struct json_reader *reader, const json_t *object, const char *key, bool otherwise);
json_t *read_array(struct json_reader *reader, const json_t *object, const char *key);
json_t *read_object(struct json_reader *reader, const json_t *object, const char *key);
/* Returns an RFC 3339 time as ns since 1970, or INCIDENT_UNKNOWN if it is invalid. */
long long read_time(struct json_reader *reader, const json_t *object, const char *key);
/* Returns an object of an array, or NULL if the element is not an object. */
json_t *read_element(struct json_reader *reader, const json_t *array, size_t index);
void type_error(struct json_reader *reader, const char *key, const char *wanted);
/* Allocates a member for each element of `array`, which may be NULL. False: no memory. */
bool array_room(const json_t *array, size_t size, void *ret_room, size_t *ret_count);
/*
 * Both fill in the error, "not WHAT: ...", and return -EINVAL: for the first type error, and
 * for a text that is not JSON, whose control characters they replace.
 */
int json_reader_fail(const struct json_reader *reader, const char *what, struct maze_error *error);
int json_syntax_fail(const char *what, const json_error_t *json_error, struct maze_error *error);

struct incident;
/* Reads the keys process, unwound and python of an object. Returns false without memory. */
bool incident_read_part(struct json_reader *reader, const json_t *object, struct incident *part);

struct incident_stack;
struct incident_sample;
/* Both return false without memory. */
bool incident_read_stack(struct json_reader *reader, const json_t *object,
			 struct incident_stack *stack);
/* Reads the keys stacks and unwound of an object. */
bool incident_read_stacks(struct json_reader *reader, const json_t *root,
			  struct incident *incident);
/* Reads an array of samples of `stacks_count` stacks. Returns false without memory. */
bool incident_read_samples(struct json_reader *reader, const json_t *array, size_t stacks_count,
			   struct incident_sample **ret_samples, size_t *ret_count);

#endif
