/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps the record logs of the poll engine in the memory of this process. The writer
 * holds the lock and never waits for a reader. Readers do not take the lock
 * (record_log.h).
 */
#include "engine_poll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOG_VERDICTS, LOG_LIFECYCLE };

struct engine_reader {
	struct engine *engine;
	struct record_log logs[RECORD_LOGS];
	struct record_cursor cursor;
	int slot; /* index in reader_fds */
};

int poll_records_init(struct engine *engine)
{
	int i;

	for (i = 0; i < POLL_READERS_MAX; i++)
		engine->reader_fds[i] = -1;
	for (i = 0; i < RECORD_LOGS; i++) {
		engine->slots[i] = calloc(POLL_LOG_LEN, sizeof(struct maze_record));
		if (!engine->slots[i])
			return -ENOMEM;
	}
	return 0;
}

void poll_records_done(struct engine *engine)
{
	int i;

	for (i = 0; i < RECORD_LOGS; i++)
		free(engine->slots[i]);
}

static void write_record(struct engine *engine, int log, const struct maze_record *record)
{
	maze_u64 seq = engine->heads[log] + 1;
	struct maze_record *slot = &engine->slots[log][(seq - 1) % POLL_LOG_LEN];
	struct maze_record numbered = *record;

	__atomic_store_n(&engine->heads[log], seq, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->seq, 0, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	numbered.seq = 0;
	memcpy(slot, &numbered, sizeof(*slot));
	__atomic_store_n(&slot->seq, seq, __ATOMIC_RELEASE);
}

static void notify_readers(const struct engine *engine)
{
	int i;

	for (i = 0; i < POLL_READERS_MAX; i++)
		if (engine->reader_fds[i] >= 0)
			eventfd_write(engine->reader_fds[i], 1);
}

void poll_record(struct engine *engine, const struct poll_process *process,
		 const struct poll_thread *thread, const struct maze_record *facts)
{
	bool is_verdict = facts->event == MAZE_EVENT_SOFT || facts->event == MAZE_EVENT_HARD;
	struct maze_record record = *facts;

	/* A quiet watch still logs the exit that follows a verdict. */
	if (thread && !is_verdict && (thread->policy.flags & MAZE_POLICY_QUIET) &&
	    !(facts->event == MAZE_EVENT_EXIT && thread->account.fired))
		return;
	record.boot_ns = now_ns(CLOCK_BOOTTIME);
	if (thread) {
		record.tag = thread->tag;
		record.pid = (maze_u32)process->pid;
		record.tid = (maze_u32)thread->tid;
		record.uid = thread->uid;
		record.episode = thread->account.episode;
		memcpy(record.comm, thread->comm, sizeof(record.comm));
	}
	write_record(engine, is_verdict ? LOG_VERDICTS : LOG_LIFECYCLE, &record);
	notify_readers(engine);
}

void poll_lost(struct engine *engine, const struct maze_record *facts)
{
	struct maze_record lost = *facts;

	lost.event = MAZE_EVENT_LOST;
	lost.lost = 1;
	engine->counts.inherit_failures++;
	poll_record(engine, NULL, NULL, &lost);
}

static int add_reader_fd(struct engine *engine)
{
	int i, fd;

	for (i = 0; i < POLL_READERS_MAX && engine->reader_fds[i] >= 0; i++)
		;
	if (i == POLL_READERS_MAX)
		return -ENOSPC;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	engine->reader_fds[i] = fd;
	return i;
}

int poll_reader_open(struct engine *engine, bool from_oldest, struct engine_reader **ret_reader,
		     struct maze_error *error)
{
	struct engine_reader *reader = calloc(1, sizeof(*reader));
	int i;

	if (!reader)
		return maze_fail(error, -ENOMEM, "out of memory");
	pthread_mutex_lock(&engine->lock);
	reader->slot = add_reader_fd(engine);
	for (i = 0; i < RECORD_LOGS; i++)
		reader->logs[i] =
			(struct record_log){ &engine->heads[i], engine->slots[i], POLL_LOG_LEN };
	record_cursor_init(&reader->cursor, reader->logs, from_oldest);
	pthread_mutex_unlock(&engine->lock);
	if (reader->slot >= 0) {
		reader->engine = engine;
		*ret_reader = reader;
		return 0;
	}
	i = reader->slot;
	free(reader);
	if (i == -ENOSPC)
		return maze_fail(error, i, "too many readers of records: the maximum is %d",
				 POLL_READERS_MAX);
	return maze_fail(error, i, "cannot create an eventfd: %s", strerror(-i));
}

int poll_reader_fd(struct engine_reader *reader)
{
	return reader->engine->reader_fds[reader->slot];
}

int poll_reader_next(struct engine_reader *reader, struct maze_record *ret_record)
{
	eventfd_t count;

	if (record_cursor_next(&reader->cursor, reader->logs, ret_record))
		return 1;
	/*
	 * Reset the eventfd, then read again, because a record may have come in between.
	 */
	eventfd_read(poll_reader_fd(reader), &count);
	return record_cursor_next(&reader->cursor, reader->logs, ret_record);
}

void poll_reader_close(struct engine_reader *reader)
{
	if (!reader)
		return;
	pthread_mutex_lock(&reader->engine->lock);
	close(reader->engine->reader_fds[reader->slot]);
	reader->engine->reader_fds[reader->slot] = -1;
	pthread_mutex_unlock(&reader->engine->lock);
	free(reader);
}
