/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads a record from its variables, as mazed writes them into the journal. */
#ifndef MAZE_LIB_RECORD_VARIABLES_H
#define MAZE_LIB_RECORD_VARIABLES_H

#include <jansson.h>

#include "maze.h"

/*
 * Makes the JSON object that mazed's log file has for the record or the action, so that one
 * parser reads both. `get` returns the value of a variable such as "MAZE_PID", or NULL; the
 * value is used before the next call. What is missing or malformed is missing in the object,
 * and record_parse_object() refuses it. NULL: out of memory. The caller frees the object.
 */
json_t *record_from_variables(const char *(*get)(void *arg, const char *name), void *arg);

#endif
