/* SPDX-License-Identifier: GPL-2.0-only */
#include "replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *text, mode_t mode)
{
	size_t length = strlen(text);
	ssize_t done = write(fd, text, length);

	if (done < 0)
		return -errno;
	return (size_t)done != length ? -ENOSPC : fchmod(fd, mode) || fsync(fd) ? -errno : 0;
}

int replace_file(const char *path, const char *text, mode_t mode)
{
	char *fresh = NULL;
	int fd, err;

	if (asprintf(&fresh, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(fresh, O_CLOEXEC);
	err = fd < 0 ? -errno : write_all(fd, text, mode);
	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	if (!err && rename(fresh, path))
		err = -errno;
	if (err && fd >= 0)
		unlink(fresh);
	free(fresh);
	return err;
}
