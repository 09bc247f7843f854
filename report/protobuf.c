/* SPDX-License-Identifier: GPL-2.0-only */
#include "protobuf.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* The wire types. The tag of a field is its number, shifted, and its wire type. */
#define VARINT 0U
#define BYTES 2U
#define TAG(field, type) ((field) << 3 | (type))

struct element {
	size_t number, size;
	unsigned char bytes[];
};

static void append(struct protobuf *message, const void *bytes, size_t size)
{
	size_t room = (message->size + size) * 2;
	unsigned char *grown;

	if (message->failed || !size)
		return;
	if (message->size + size > message->room) {
		grown = realloc(message->bytes, room);
		if (!grown) {
			message->failed = true;
			return;
		}
		message->bytes = grown;
		message->room = room;
	}
	memcpy(message->bytes + message->size, bytes, size);
	message->size += size;
}

/* Seven bits in each byte, the lowest first. The last byte has the high bit clear. */
static void append_varint(struct protobuf *message, maze_u64 number)
{
	unsigned char bytes[10];
	size_t size = 0;

	for (; number > 0x7f; number >>= 7)
		bytes[size++] = (unsigned char)(number | 0x80);
	bytes[size++] = (unsigned char)number;
	append(message, bytes, size);
}

void protobuf_number(struct protobuf *message, unsigned int field, maze_u64 number)
{
	if (!number)
		return;
	append_varint(message, TAG(field, VARINT));
	append_varint(message, number);
}

void protobuf_bytes(struct protobuf *message, unsigned int field, const void *bytes, size_t size)
{
	append_varint(message, TAG(field, BYTES));
	append_varint(message, size);
	append(message, bytes, size);
}

static int compare(const void *left, const void *right)
{
	const struct element *a = left, *b = right;

	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->size);
}

bool protobuf_add(struct protobuf_table *table, const void *bytes, size_t size, size_t *ret_number)
{
	struct element *element = malloc(sizeof(*element) + size), **found = NULL;

	if (element) {
		element->number = table->count;
		element->size = size;
		if (size)
			memcpy(element->bytes, bytes, size);
		found = tsearch(element, &table->tree, compare);
	}
	*ret_number = found ? (*found)->number : 0;
	table->failed |= !found;
	if (found && *found == element) {
		table->count++;
		return true;
	}
	free(element);
	return false;
}

void protobuf_table_done(struct protobuf_table *table)
{
	tdestroy(table->tree, free);
}
