/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads /proc/maze/events. The module keeps a cursor for each open file, and reports the
 * number of records that its reader missed.
 */
#include "engine_kmod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Maximum number of records per read(2). They take 6 KiB. */
#define BATCH 64

struct engine_reader {
	int fd;
	size_t have, next;
	struct maze_record records[BATCH];
};

int kmod_reader_open(struct engine *engine, bool from_oldest, struct engine_reader **ret_reader,
		     struct maze_error *error)
{
	struct engine_reader *reader = calloc(1, sizeof(*reader));
	int err;

	(void)engine;
	if (!reader)
		return maze_fail(error, -ENOMEM, "out of memory");
	reader->fd = open(KMOD_DIR "/events", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (reader->fd >= 0 && (from_oldest || lseek(reader->fd, 0, SEEK_END) == 0)) {
		*ret_reader = reader;
		return 0;
	}
	err = -errno;
	kmod_reader_close(reader);
	return maze_fail(error, err, "cannot read " KMOD_DIR "/events: %s", strerror(-err));
}

int kmod_reader_fd(struct engine_reader *reader)
{
	return reader->fd;
}

int kmod_reader_next(struct engine_reader *reader, struct maze_record *ret_record)
{
	ssize_t n;

	if (reader->next == reader->have) {
		n = read(reader->fd, reader->records, sizeof(reader->records));
		if (n < (ssize_t)sizeof(reader->records[0]))
			return 0;
		reader->have = (size_t)n / sizeof(reader->records[0]);
		reader->next = 0;
	}
	*ret_record = reader->records[reader->next++];
	return 1;
}

void kmod_reader_close(struct engine_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	free(reader);
}
