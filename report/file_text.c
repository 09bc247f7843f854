/* SPDX-License-Identifier: GPL-2.0-only */
#include "file_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/error.h"

/* Reads up to `max` bytes. The file may grow meanwhile. */
static int read_all(int fd, off_t max, char **ret_text, size_t *ret_size, struct maze_error *error)
{
	size_t size = 0, room = 0;
	char *text = NULL, *grown;
	ssize_t n = 0;
	int err;

	do {
		size += (size_t)n;
		if (size > (size_t)max) {
			err = maze_fail(error, -EFBIG, "larger than %lld MiB",
					(long long)max >> 20);
			goto out_free;
		}
		if (size == room) {
			room = room ? room * 2 : 64 << 10;
			grown = realloc(text, room);
			if (!grown) {
				err = maze_fail(error, -ENOMEM, "out of memory");
				goto out_free;
			}
			text = grown;
		}
		n = read(fd, text + size, room - size);
	} while (n > 0 || (n < 0 && errno == EINTR && (n = 0, 1)));
	if (n < 0) {
		err = -errno;
		maze_fail(error, err, "cannot read it: %s", strerror(-err));
		goto out_free;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;

out_free:
	free(text);
	return err;
}

int file_text_read(int dirfd, const char *name, int flags, off_t max, char **ret_text,
		   size_t *ret_size, struct maze_error *error)
{
	/* O_NONBLOCK is set because opening a FIFO would block. */
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags), err;
	struct stat stat;

	if (fd < 0) {
		err = -errno;
		return maze_fail(error, err, "cannot open it: %s", strerror(-err));
	}
	if (fstat(fd, &stat) || !S_ISREG(stat.st_mode))
		err = maze_fail(error, -EINVAL, "not a regular file");
	else
		err = read_all(fd, max, ret_text, ret_size, error);
	close(fd);
	return err;
}
