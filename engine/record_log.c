/* SPDX-License-Identifier: GPL-2.0-only */
#include "record_log.h"

#include <string.h>
#include <time.h>

#include "../base/clock.h"

static maze_u64 load_number(const void *number)
{
	return __atomic_load_n((const maze_u64 *)number, __ATOMIC_ACQUIRE);
}

maze_u64 record_log_start(const struct record_log *log, bool from_oldest)
{
	maze_u64 head = load_number(log->head);

	if (!from_oldest)
		return head + 1;
	return head > log->len ? head - log->len + 1 : 1;
}

bool record_log_peek(const struct record_log *log, size_t slot_size, maze_u64 *next, maze_u64 *lost,
		     void *ret_slot)
{
	const unsigned char *slot;
	maze_u64 head, oldest;

	while (*next <= load_number(log->head)) {
		slot = (const unsigned char *)log->slots + (*next - 1) % log->len * slot_size;
		if (load_number(slot) == *next) {
			memcpy(ret_slot, slot, slot_size);
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (load_number(slot) == *next)
				return true;
			continue;
		}
		/*
		 * Either the record is still being written and a wakeup follows, or the
		 * record was overwritten.
		 */
		head = load_number(log->head);
		if (head < *next + log->len)
			return false;
		oldest = head - log->len + 1;
		*lost += oldest - *next;
		*next = oldest;
	}
	return false;
}

void record_cursor_init(struct record_cursor *cursor, const struct record_log *logs,
			bool from_oldest)
{
	int i;

	cursor->lost = 0;
	for (i = 0; i < RECORD_LOGS; i++)
		cursor->next[i] = record_log_start(&logs[i], from_oldest);
}

static void report_loss(struct record_cursor *cursor, struct maze_record *ret_record)
{
	memset(ret_record, 0, sizeof(*ret_record));
	ret_record->event = MAZE_EVENT_LOST;
	ret_record->lost = cursor->lost;
	ret_record->boot_ns = now_ns(CLOCK_BOOTTIME);
	cursor->lost = 0;
}

int record_cursor_next(struct record_cursor *cursor, const struct record_log *logs,
		       struct maze_record *ret_record)
{
	struct maze_record records[RECORD_LOGS];
	int i, first = -1;

	for (i = 0; i < RECORD_LOGS; i++) {
		if (!record_log_peek(&logs[i], sizeof(records[i]), &cursor->next[i], &cursor->lost,
				     &records[i]))
			continue;
		if (first < 0 || records[i].boot_ns < records[first].boot_ns)
			first = i;
	}
	if (cursor->lost) {
		report_loss(cursor, ret_record);
		return 1;
	}
	if (first < 0)
		return 0;
	*ret_record = records[first];
	cursor->next[first]++;
	return 1;
}
