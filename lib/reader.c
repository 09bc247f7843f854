/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readers of records. A cursor has the sequence numbers of the next records. A pinned
 * engine continues to number records after a reader has ended, so another process can
 * continue from the cursor.
 */
#include "handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"

struct maze_reader {
	struct maze_reader *next; /* of the same handle */
	struct maze *maze;
	const struct engine_ops *ops;
	struct engine_reader *reader;
	struct engine_reader *groups; /* of the engine of groups; NULL: none, or the same */
	int epoll_fd;		      /* readable when one of the two is */
	struct maze_cursor cursor;
	bool resumes;  /* skip records before the cursor */
	maze_u64 lost; /* records between the cursor and the oldest kept record */
	bool held;     /* return `ahead` after the record of the loss */
	struct maze_record ahead;
};

static int add_fd(const struct maze_reader *reader, int fd, struct maze_error *error)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(reader->epoll_fd, EPOLL_CTL_ADD, fd, &event)
		       ? maze_fail(error, -errno, "cannot wait for records: %s", strerror(errno))
		       : 0;
}

static int add_groups(struct maze_reader *reader, bool from_oldest, struct maze_error *error)
{
	int err =
		engine_poll.reader_open(reader->maze->groups, from_oldest, &reader->groups, error);

	return err ? err : add_fd(reader, engine_poll.reader_fd(reader->groups), error);
}

int readers_add_groups(struct maze *maze, struct maze_error *error)
{
	struct maze_reader *reader;
	int err = 0;

	for (reader = maze->readers; reader && !err; reader = reader->next)
		err = add_groups(reader, true, error);
	for (reader = maze->readers; reader && err; reader = reader->next) {
		engine_poll.reader_close(reader->groups);
		reader->groups = NULL;
	}
	return err;
}

static void free_reader(struct maze_reader *reader)
{
	if (reader->groups)
		engine_poll.reader_close(reader->groups);
	if (reader->reader)
		reader->ops->reader_close(reader->reader);
	if (reader->epoll_fd >= 0)
		close(reader->epoll_fd);
	free(reader);
}

static int open_reader(struct maze *maze, bool from_oldest, struct maze_reader **ret_reader,
		       struct maze_error *error)
{
	struct maze_reader *reader = calloc(1, sizeof(*reader));
	int err;

	if (!reader)
		return maze_fail(error, -ENOMEM, "out of memory");
	reader->maze = maze;
	reader->ops = maze->ops;
	reader->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = reader->epoll_fd < 0
		      ? maze_fail(error, -errno, "cannot create an epoll: %s", strerror(errno))
		      : maze->ops->reader_open(maze->engine, from_oldest, &reader->reader, error);
	if (!err)
		err = add_fd(reader, maze->ops->reader_fd(reader->reader), error);
	if (!err && maze->groups && maze->groups != maze->engine)
		err = add_groups(reader, from_oldest, error);
	if (err) {
		free_reader(reader);
		return err;
	}
	reader->next = maze->readers;
	maze->readers = reader;
	reader->cursor.instance = maze->ops->instance ? maze->ops->instance(maze->engine) : 0;
	*ret_reader = reader;
	return 0;
}

int maze_reader_open(struct maze *maze, bool from_oldest, struct maze_reader **ret_reader,
		     struct maze_error *error)
{
	return open_reader(maze, from_oldest, ret_reader, error);
}

int maze_reader_resume(struct maze *maze, const struct maze_cursor *cursor,
		       struct maze_reader **ret_reader, struct maze_error *error)
{
	int err = open_reader(maze, true, ret_reader, error);

	if (err)
		return err;
	if (!cursor->instance || cursor->instance != (*ret_reader)->cursor.instance)
		return 1;
	(*ret_reader)->cursor = *cursor;
	(*ret_reader)->resumes = true;
	return 0;
}

void maze_reader_cursor(const struct maze_reader *reader, struct maze_cursor *ret_cursor)
{
	*ret_cursor = reader->cursor;
}

int maze_reader_fd(struct maze_reader *reader)
{
	return reader->epoll_fd;
}

/* Returns the index in maze_cursor.next of the log that contains the record. */
static int log_of(const struct maze_record *record)
{
	switch (record->event) {
	case MAZE_EVENT_EXIT:
	case MAZE_EVENT_WATCH:
	case MAZE_EVENT_UNWATCH:
		return 1;
	default:
		return 0;
	}
}

static void report_loss(struct maze_reader *reader, struct maze_record *ret_record)
{
	*ret_record = (struct maze_record){
		.event = MAZE_EVENT_LOST,
		.lost = reader->lost,
		.boot_ns = now_ns(CLOCK_BOOTTIME),
	};
	reader->lost = 0;
}

/* Returns true if the record is before the resumed cursor. Else advances the cursor. */
static bool is_before_cursor(struct maze_reader *reader, const struct maze_record *record)
{
	maze_u64 *next = &reader->cursor.next[log_of(record)];

	/* A record that counts the losses of this reader has no sequence number. */
	if (!record->seq)
		return false;
	if (reader->resumes && record->seq < *next)
		return true;
	if (reader->resumes && *next && record->seq > *next)
		reader->lost += record->seq - *next;
	*next = record->seq + 1;
	return false;
}

int maze_reader_next(struct maze_reader *reader, struct maze_record *ret_record)
{
	int got;

	if (reader->held) {
		reader->held = false;
		*ret_record = reader->ahead;
		return 1;
	}
	/* Their records end with this process, so no cursor counts them. */
	if (reader->groups && engine_poll.reader_next(reader->groups, ret_record) == 1) {
		ret_record->seq = 0;
		return 1;
	}
	do {
		got = reader->ops->reader_next(reader->reader, ret_record);
		if (got <= 0)
			return got;
	} while (is_before_cursor(reader, ret_record));
	/* After this record, the engine itself counts the losses of this reader. */
	if (ret_record->event == MAZE_EVENT_LOST && !ret_record->seq)
		reader->resumes = false;
	if (!reader->lost)
		return 1;
	reader->ahead = *ret_record;
	reader->held = true;
	report_loss(reader, ret_record);
	return 1;
}

void maze_reader_close(struct maze_reader *reader)
{
	struct maze_reader **at;

	if (!reader)
		return;
	for (at = &reader->maze->readers; *at != reader; at = &(*at)->next)
		;
	*at = reader->next;
	free_reader(reader);
}
