/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readers of the bpf engine: a place in the mapped logs (see records.bpf.h for how
 * they are written), and a doorbell that wakes whoever waits at it.
 */
#include "../record_log.h"
#include "engine_bpf.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(RECORD_LOGS == MAZE_LOGS, "the logs of the engine are those that are read");

struct engine_reader {
	struct engine *engine;
	struct record_log logs[RECORD_LOGS];
	struct record_cursor cursor;
	int doorbell;
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
	err = bpf_doorbell_open(engine, &engine->state->record_bells, &reader->doorbell,
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
	return bpf_doorbell_fd(reader->ring);
}

int bpf_reader_next(struct engine_reader *reader, struct maze_record *ret_record)
{
	if (record_cursor_next(&reader->cursor, reader->logs, ret_record))
		return 1;
	/* Silence the bell, then look again: what rang in between is seen now. */
	bpf_doorbell_drain(reader->ring);
	return record_cursor_next(&reader->cursor, reader->logs, ret_record);
}

void bpf_reader_close(struct engine_reader *reader)
{
	if (!reader)
		return;
	bpf_doorbell_close(reader->engine, reader->doorbell, reader->ring);
	free(reader);
}
