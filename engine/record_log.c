/* SPDX-License-Identifier: GPL-2.0-only */
#include "record_log.h"

#include <string.h>
#include <time.h>

#include "../base/clock.h"

static maze_u64 head_of(const struct record_log *log)
{
	return __atomic_load_n(log->head, __ATOMIC_ACQUIRE);
}

void record_cursor_init(struct record_cursor *cursor, const struct record_log *logs,
			bool from_oldest)
{
	maze_u64 head;
	int i;

	cursor->lost = 0;
	for (i = 0; i < RECORD_LOGS; i++) {
		head = head_of(&logs[i]);
		cursor->next[i] = head + 1;
		if (from_oldest)
			cursor->next[i] = head > logs[i].len ? head - logs[i].len + 1 : 1;
	}
}

/* Copies the next record of a log if it is complete; counts overwritten ones. */
static bool peek(struct record_cursor *cursor, const struct record_log *logs, int i,
		 struct maze_record *ret_record)
{
	const struct record_log *log = &logs[i];
	const struct maze_record *slot;
	maze_u64 seq, next;

	for (;;) {
		next = cursor->next[i];
		if (next > head_of(log))
			return false;
		slot = &log->slots[(next - 1) % log->len];
		seq = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);
		if (seq == next) {
			memcpy(ret_record, (const void *)slot, sizeof(*ret_record));
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (__atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE) == next)
				return true;
			continue;
		}
		/* 0 or older: being written, and a wakeup follows; unless it was overwritten. */
		if (head_of(log) < next + log->len)
			return false;
		seq = head_of(log) - log->len + 1;
		cursor->lost += seq - next;
		cursor->next[i] = seq;
	}
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
		if (!peek(cursor, logs, i, &records[i]))
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
