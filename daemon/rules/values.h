/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values of keys that are no policy's: yes and no, numbers, sizes, paths. All leave
 * their ret_* as they are where a value is refused, with a sentence that says why.
 */
#ifndef MAZE_DAEMON_VALUES_H
#define MAZE_DAEMON_VALUES_H

#include "../../lib/maze.h"

/* Whatever the library takes for `shadow`. */
int value_yes_no(const char *value, bool *ret_yes, struct maze_error *error);
int value_number(const char *value, long min, long max, long *ret_number, struct maze_error *error);
/* Bytes: a number, or one with K, M or G behind it, of 1024 each. */
int value_bytes(const char *value, maze_u64 min, maze_u64 max, maze_u64 *ret_bytes,
		struct maze_error *error);
/* A duration within the limits that policies have, too. */
int value_duration(const char *value, maze_u64 *ret_ns, struct maze_error *error);
/* An absolute path; what *ret_path was is freed. */
int value_path(const char *value, size_t max, char **ret_path, struct maze_error *error);

#endif
