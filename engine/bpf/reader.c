/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the logs of records; see records.bpf.h for how they are written. A
 * reader only looks: it holds its own place in each log, and what the writer has
 * meanwhile overwritten it reports as one record of loss.
 */
#include "engine_bpf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct engine_reader {
	struct engine *engine;
	maze_u64 next[MAZE_LOGS]; /* number of the record to read next */
	maze_u64 lost;		  /* not yet reported */
	int doorbell;
	void *ring;
};

static maze_u64 head_of(const struct engine_reader *reader, int log)
{
	return __atomic_load_n(&reader->engine->state->heads[log], __ATOMIC_ACQUIRE);
}

int bpf_reader_open(struct engine *engine, bool from_oldest, struct engine_reader **ret_reader,
		    struct engine_error *error)
{
	struct engine_reader *reader = calloc(1, sizeof(*reader));
	maze_u64 head;
	int log, err;

	if (!reader)
		return engine_fail(error, -ENOMEM, "out of memory");
	reader->engine = engine;
	err = bpf_doorbell_open(engine, &engine->state->record_bells, &reader->doorbell,
				&reader->ring, error);
	if (err) {
		free(reader);
		return err;
	}
	for (log = 0; log < MAZE_LOGS; log++) {
		head = head_of(reader, log);
		reader->next[log] = head + 1;
		if (from_oldest)
			reader->next[log] = head > MAZE_LOG_LEN ? head - MAZE_LOG_LEN + 1 : 1;
	}
	*ret_reader = reader;
	return 0;
}

int bpf_reader_fd(struct engine_reader *reader)
{
	return bpf_doorbell_fd(reader->ring);
}

/* Copies the next record of a log if it is there; counts what is gone for good. */
static bool peek(struct engine_reader *reader, int log, struct maze_record *ret_record)
{
	const struct maze_record *slot;
	maze_u64 seq, next;

	for (;;) {
		next = reader->next[log];
		if (next > head_of(reader, log))
			return false;
		slot = &reader->engine->logs[log][(next - 1) % MAZE_LOG_LEN];
		seq = __atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE);
		if (seq == next) {
			memcpy(ret_record, (const void *)slot, sizeof(*ret_record));
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (__atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE) == next)
				return true;
			continue;
		}
		/* 0 or older: being written, its bell will ring. Unless we were lapped. */
		if (head_of(reader, log) < next + MAZE_LOG_LEN)
			return false;
		seq = head_of(reader, log) - MAZE_LOG_LEN + 1;
		reader->lost += seq - next;
		reader->next[log] = seq;
	}
}

static void report_loss(struct engine_reader *reader, struct maze_record *ret_record)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	memset(ret_record, 0, sizeof(*ret_record));
	ret_record->event = MAZE_EVENT_LOST;
	ret_record->lost = reader->lost;
	ret_record->boot_ns = (maze_u64)now.tv_sec * MAZE_NSEC_PER_SEC + (maze_u64)now.tv_nsec;
	reader->lost = 0;
}

static int next_of_logs(struct engine_reader *reader, struct maze_record *ret_record)
{
	struct maze_record records[MAZE_LOGS];
	bool have[MAZE_LOGS];
	int log, first = -1;

	for (log = 0; log < MAZE_LOGS; log++) {
		have[log] = peek(reader, log, &records[log]);
		if (have[log] && (first < 0 || records[log].boot_ns < records[first].boot_ns))
			first = log;
	}
	if (reader->lost) {
		report_loss(reader, ret_record);
		return 1;
	}
	if (first < 0)
		return 0;
	*ret_record = records[first];
	reader->next[first]++;
	return 1;
}

int bpf_reader_next(struct engine_reader *reader, struct maze_record *ret_record)
{
	if (next_of_logs(reader, ret_record))
		return 1;
	/* Silence the bell, then look again: what rang in between is seen now. */
	bpf_doorbell_drain(reader->ring);
	return next_of_logs(reader, ret_record);
}

void bpf_reader_close(struct engine_reader *reader)
{
	if (!reader)
		return;
	bpf_doorbell_close(reader->engine, reader->doorbell, reader->ring);
	free(reader);
}
