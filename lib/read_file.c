/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a file of /proc; see read_file.h.
 */
#include "read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

ssize_t read_file_at(int directory_fd, const char *name, char *buf, size_t size)
{
	int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC), err = 0;
	size_t length = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, buf + length, size - 1 - length);
		if (got > 0)
			length += (size_t)got;
	} while ((got > 0 && length < size - 1) || (got < 0 && errno == EINTR));
	if (got < 0)
		err = -errno;
	close(fd);
	buf[err ? 0 : length] = '\0';
	return err ? err : (ssize_t)length;
}
