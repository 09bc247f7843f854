/* SPDX-License-Identifier: GPL-2.0-only */
/* Converts any bytes to a JSON string, which must be UTF-8. */
#ifndef MAZE_LIB_UTF8_JSON_H
#define MAZE_LIB_UTF8_JSON_H

#include <jansson.h>
#include <stddef.h>

/* Each byte that is not part of a valid character becomes U+FFFD. NULL: out of memory. */
json_t *utf8_json(const char *bytes, size_t length);

/*
 * Digits of real numbers, for json_dumps() and the like. It distinguishes all multiples of
 * 1/65536 up to the largest recovery and share, and prints a share of 90 % as 0.9.
 */
#define JSON_DIGITS JSON_REAL_PRECISION(10)

#endif
