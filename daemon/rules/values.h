/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses the values of keys that do not belong to a policy. The types of values are yes
 * and no, numbers, sizes, durations and paths. An invalid value leaves ret_* unchanged.
 */
#ifndef MAZE_DAEMON_VALUES_H
#define MAZE_DAEMON_VALUES_H

#include "../../lib/maze.h"

/* Accepts the words that the library accepts for the key `shadow`. */
int value_yes_no(const char *value, bool *ret_yes, struct maze_error *error);
int value_number(const char *value, long min, long max, long *ret_number, struct maze_error *error);
/* Accepts a number of bytes, or a number with K, M or G (powers of 1024). */
int value_bytes(const char *value, maze_u64 min, maze_u64 max, maze_u64 *ret_bytes,
		struct maze_error *error);
/* Accepts a duration within the bounds of a policy's limits. */
int value_duration(const char *value, maze_u64 *ret_ns, struct maze_error *error);
/* Accepts an absolute path. Frees the old *ret_path. */
int value_path(const char *value, size_t max, char **ret_path, struct maze_error *error);

#endif
