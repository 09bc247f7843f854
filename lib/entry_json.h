/* SPDX-License-Identifier: GPL-2.0-only */
/* List entries and groups as JSON, for programs that have the object already or add to it. */
#ifndef MAZE_LIB_ENTRY_JSON_H
#define MAZE_LIB_ENTRY_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "maze.h"

/*
 * Both return an object with the keys of maze_entry_json() or maze_group_json(), and with
 * "rule" unless it is NULL. The caller owns it.
 */
json_t *entry_to_json(const struct maze_entry *entry, const char *engine, const char *rule);
json_t *group_to_json(const struct maze_group *group, const char *engine, const char *rule);
/* Names of signals; null: none. */
json_t *signal_json(int signal);
json_t *soft_signal_json(maze_u32 flags, int signal);
/* Dumps an object on one line and frees it. ASCII only: nothing reaches a terminal raw. */
char *json_line(json_t *object);

/* Both return false, and leave *ret_... undefined, if the object is malformed. */
bool entry_from_json(const json_t *object, struct maze_entry *ret_entry);
bool group_from_json(const json_t *object, struct maze_group *ret_group);

#endif
