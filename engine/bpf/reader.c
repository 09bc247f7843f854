/* SPDX-License-Identifier: GPL-2.0-only */
/* Readers of the bpf engine. Each has a cursor into the mapped logs, and a wakeup. */
#include "../record_log.h"
#include "engine_bpf.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(RECORD_LOGS == MAZE_LOGS, "a reader reads all logs of the engine");

struct engine_reader {
	struct engine *engine;
	struct record_log logs[RECORD_LOGS];
	struct record_cursor cursor;
	int wakeup;
	void *ring;
};

int bpf_reader_open(struct engine *engine, bool from_oldest, struct engine_reader **ret_reader,
		    struct maze_error *error)
{
	struct engine_reader *reader = calloc(1, sizeof(*reader));
	int i, err;

	if (!reader)
		return maze_fail(error, -ENOMEM, "out of memory");
	reader->engine = engine;
	err = bpf_notify_open(engine, &engine->state->notify_records, &reader->wakeup,
			      &reader->ring, error);
	if (err) {
		free(reader);
		return err;
	}
	for (i = 0; i < RECORD_LOGS; i++)
		reader->logs[i] = (struct record_log){ &engine->state->heads[i], engine->logs[i],
						       MAZE_LOG_LEN };
	record_cursor_init(&reader->cursor, reader->logs, from_oldest);
	*ret_reader = reader;
	return 0;
}

int bpf_reader_fd(struct engine_reader *reader)
{
	return bpf_notify_fd(reader->ring);
}

int bpf_reader_next(struct engine_reader *reader, struct maze_record *ret_record)
{
	if (record_cursor_next(&reader->cursor, reader->logs, ret_record))
		return 1;
	/*
	 * Drain the wakeup, then read again, because a record may have come in between.
	 */
	bpf_notify_drain(reader->ring);
	return record_cursor_next(&reader->cursor, reader->logs, ret_record);
}

void bpf_reader_close(struct engine_reader *reader)
{
	if (!reader)
		return;
	bpf_notify_close(reader->engine, reader->wakeup, reader->ring);
	free(reader);
}
