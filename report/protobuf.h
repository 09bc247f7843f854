/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes messages in the wire format of Protocol Buffers, as far as profiles need it. */
#ifndef MAZE_REPORT_PROTOBUF_H
#define MAZE_REPORT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "../core/types.h"

/* A message. All zero: an empty one. */
struct protobuf {
	unsigned char *bytes;
	size_t size, room;
	bool failed; /* out of memory; the bytes are incomplete */
};

/* Appends an integer field. Omits 0, which readers assume for a missing field. */
void protobuf_number(struct protobuf *message, unsigned int field, maze_u64 number);
/* Appends a string or a message. */
void protobuf_bytes(struct protobuf *message, unsigned int field, const void *bytes, size_t size);

/* Numbers the distinct elements of a repeated field. All zero: none. */
struct protobuf_table {
	size_t count;
	void *tree;  /* of tsearch(3) */
	bool failed; /* out of memory */
};

/* Sets the number, from 0 on, of the element with these bytes. Returns whether it is new. */
bool protobuf_add(struct protobuf_table *table, const void *bytes, size_t size, size_t *ret_number);
void protobuf_table_done(struct protobuf_table *table);

#endif
