/* SPDX-License-Identifier: GPL-2.0-only */
/* Converts any bytes to a JSON string, which must be UTF-8. */
#ifndef MAZE_LIB_UTF8_JSON_H
#define MAZE_LIB_UTF8_JSON_H

#include <jansson.h>
#include <stddef.h>

/* Each byte that is not part of a valid character becomes U+FFFD. NULL: out of memory. */
json_t *utf8_json(const char *bytes, size_t length);

#endif
