/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading logs of records: rings of numbered slots that one writer fills and never
 * waits for anybody to empty. A reader only looks: it holds its own place in each
 * log, and what the writer has meanwhile overwritten it reports as one record of
 * loss. Used by every engine whose logs are memory of this process, be it mapped
 * from the kernel or its own.
 *
 * The writer of record number N (from 1): head = N; slot (N - 1) % len: seq = 0, the
 * rest, then seq = N, in this order for all who look.
 */
#ifndef MAZE_ENGINE_RECORD_LOG_H
#define MAZE_ENGINE_RECORD_LOG_H

#include <stdbool.h>

#include "../core/record.h"

/* Verdicts, and beginnings and ends of watches: a storm of these overwrites no verdict. */
#define RECORD_LOGS 2

struct record_log {
	const maze_u64 *head; /* number of the newest record, 0: none yet */
	const struct maze_record *slots;
	maze_u64 len;
};

struct record_cursor {
	maze_u64 next[RECORD_LOGS]; /* number of the record to read next */
	maze_u64 lost;		    /* not yet reported */
};

/* A place at the oldest records kept, or after the newest. */
void record_cursor_init(struct record_cursor *cursor, const struct record_log *logs,
			bool from_oldest);

/* 1 and the oldest record not yet read, or a MAZE_EVENT_LOST; 0: there is none now. */
int record_cursor_next(struct record_cursor *cursor, const struct record_log *logs,
		       struct maze_record *ret_record);

#endif
