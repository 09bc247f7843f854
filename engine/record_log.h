/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading logs of records: rings of numbered slots whose writer never waits for readers.
 * A reader has a cursor with a position in each log. One MAZE_EVENT_LOST reports the
 * records that were overwritten before it read them. For engines whose logs are in the
 * memory of this process, mapped from the kernel or its own.
 *
 * The writer of record N (from 1) stores, in this order: head = N; in slot (N - 1) % len
 * seq = 0, the other fields, and seq = N.
 */
#ifndef MAZE_ENGINE_RECORD_LOG_H
#define MAZE_ENGINE_RECORD_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "../core/record.h"

/* Verdicts, and lifecycle records. Separate, so that the latter overwrite no verdict. */
#define RECORD_LOGS 2

struct record_log {
	const maze_u64 *head; /* number of the newest record; 0: none yet */
	const void *slots;    /* each begins with its number */
	maze_u64 len;	      /* slots */
};

struct record_cursor {
	maze_u64 next[RECORD_LOGS]; /* number of the record to read next */
	maze_u64 lost;		    /* records lost and not yet reported */
};

/* The number of the oldest record kept, or of the next one to come. */
maze_u64 record_log_start(const struct record_log *log, bool from_oldest);

/*
 * Whether record *next is complete, and if so a copy of it. Moves *next past overwritten
 * records, and adds their number to *lost.
 */
bool record_log_peek(const struct record_log *log, size_t slot_size, maze_u64 *next, maze_u64 *lost,
		     void *ret_slot);

/* Starts at the oldest records kept, or after the newest. */
void record_cursor_init(struct record_cursor *cursor, const struct record_log *logs,
			bool from_oldest);

/* 1 and the oldest record not yet read, or a MAZE_EVENT_LOST; 0: none now. */
int record_cursor_next(struct record_cursor *cursor, const struct record_log *logs,
		       struct maze_record *ret_record);

#endif
