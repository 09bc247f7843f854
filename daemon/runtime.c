/* SPDX-License-Identifier: GPL-2.0-only */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/error.h"

#define RUNTIME_DEFAULT "/run/maze"

const char *runtime_path(void)
{
	const char *given = getenv("RUNTIME_DIRECTORY");

	/*
	 * systemd separates several paths by colons, but mazed's unit has only one path.
	 */
	return given && given[0] == '/' ? given : RUNTIME_DEFAULT;
}

/* mazed trusts the files in this directory, so only mazed's user may write to it. */
static int check_owner(int fd, const char *path, struct maze_error *error)
{
	struct stat st;

	if (fstat(fd, &st))
		return maze_fail(error, -errno, "cannot stat %s: %s", path, strerror(errno));
	if (st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return maze_fail(error, -EPERM,
			 "other users may write to %s (uid %u, mode %o); it must belong to uid %u "
			 "and have mode 755",
			 path, st.st_uid, st.st_mode & 07777, geteuid());
}

int runtime_open(struct maze_error *error)
{
	const char *path = runtime_path();
	int fd, err;

	if (mkdir(path, 0755) && errno != EEXIST)
		return maze_fail(error, -errno, "cannot create %s: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return maze_fail(error, -errno, "cannot open %s: %s", path, strerror(errno));
	err = check_owner(fd, path, error);
	if (!err && flock(fd, LOCK_EX | LOCK_NB))
		err = maze_fail(error, errno == EWOULDBLOCK ? -EBUSY : -errno,
				errno == EWOULDBLOCK ? "another mazed is running and has locked %s"
						     : "cannot lock %s",
				path);
	if (!err)
		return fd;
	close(fd);
	return err;
}
