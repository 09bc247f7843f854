/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads logs of records. A log is a ring of numbered slots, whose writer never waits for
 * readers. A reader has a cursor with a position in each log. One MAZE_EVENT_LOST reports
 * the records that were overwritten before the reader read them. An engine can use these
 * functions if its logs are in the memory of this process, either its own memory or
 * memory mapped from the kernel.
 *
 * Records are numbered from 1. The writer of record N stores, in this order: N in `head`,
 * 0 in the `seq` of slot (N - 1) % len, the other fields of the slot, and N in its `seq`.
 */
#ifndef MAZE_ENGINE_RECORD_LOG_H
#define MAZE_ENGINE_RECORD_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "../core/record.h"

/* Lifecycle records have a log of their own, so that they overwrite no verdict. */
#define RECORD_LOGS 2

struct record_log {
	const maze_u64 *head; /* number of the newest record; 0: none yet */
	const void *slots;    /* each begins with its number */
	maze_u64 len;	      /* number of slots */
};

struct record_cursor {
	maze_u64 next[RECORD_LOGS]; /* number of the record to read next */
	maze_u64 lost;		    /* records lost and not yet reported */
};

/* Returns the number of the oldest record kept (from_oldest) or of the next one to come. */
maze_u64 record_log_start(const struct record_log *log, bool from_oldest);

/*
 * Returns true and a copy of record *next if that record is complete. First moves *next past
 * overwritten records, and adds their count to *lost.
 */
bool record_log_peek(const struct record_log *log, size_t slot_size, maze_u64 *next, maze_u64 *lost,
		     void *ret_slot);

/* Sets the cursor to the oldest records in the logs, or after the newest. */
void record_cursor_init(struct record_cursor *cursor, const struct record_log *logs,
			bool from_oldest);

/*
 * Returns 1 and the oldest unread record or a MAZE_EVENT_LOST, or 0 if there is none now.
 */
int record_cursor_next(struct record_cursor *cursor, const struct record_log *logs,
		       struct maze_record *ret_record);

#endif
