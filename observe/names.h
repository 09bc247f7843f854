/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_OBSERVE_NAMES_H
#define MAZE_OBSERVE_NAMES_H

#include <jansson.h>
#include <stdbool.h>

/* Adds a name of any bytes, unless it is empty, or there are eight names. */
void names_add(json_t *names, const char *name);
/* Adds the strings of another array in the same way. Returns false without memory. */
bool names_merge(json_t *names, const json_t *more);

#endif
