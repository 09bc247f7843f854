/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes that anybody chose as JSON strings, which hold UTF-8 only.
 */
#ifndef MAZE_EVIDENCE_UTF8_H
#define MAZE_EVIDENCE_UTF8_H

#include <jansson.h>
#include <stddef.h>

/* Each byte that is not part of a character becomes U+FFFD. NULL: out of memory. */
json_t *utf8_json(const char *bytes, size_t length);

#endif
