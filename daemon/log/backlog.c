/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue is one block of memory, which is filled from front to back. When the end of
 * the block is reached, the messages that are still queued are moved to the front.
 */
#include "backlog.h"

#include <stdlib.h>
#include <string.h>

void backlog_init(struct backlog *backlog, size_t max_bytes)
{
	*backlog = (struct backlog){ .max = max_bytes };
}

void backlog_done(struct backlog *backlog)
{
	free(backlog->bytes);
	backlog_init(backlog, backlog->max);
}

bool backlog_add(struct backlog *backlog, const char *message, size_t length)
{
	size_t needed = sizeof(length) + length;

	if (needed > backlog->max - backlog_bytes(backlog))
		return false;
	if (!backlog->bytes)
		backlog->bytes = malloc(backlog->max);
	if (!backlog->bytes)
		return false;
	if (needed > backlog->max - backlog->end) {
		memmove(backlog->bytes, backlog->bytes + backlog->begin,
			backlog->end - backlog->begin);
		backlog->end -= backlog->begin;
		backlog->begin = 0;
	}
	memcpy(backlog->bytes + backlog->end, &length, sizeof(length));
	memcpy(backlog->bytes + backlog->end + sizeof(length), message, length);
	backlog->end += needed;
	backlog->count++;
	return true;
}

size_t backlog_bytes(const struct backlog *backlog)
{
	return backlog->end - backlog->begin;
}

const char *backlog_first(const struct backlog *backlog, size_t *ret_length)
{
	if (!backlog->count)
		return NULL;
	memcpy(ret_length, backlog->bytes + backlog->begin, sizeof(*ret_length));
	return backlog->bytes + backlog->begin + sizeof(*ret_length);
}

void backlog_drop_first(struct backlog *backlog)
{
	size_t length;

	if (!backlog_first(backlog, &length))
		return;
	backlog->begin += sizeof(length) + length;
	backlog->count--;
	/* Free the memory, because an idle mazed should use little memory. */
	if (!backlog->count)
		backlog_done(backlog);
}
