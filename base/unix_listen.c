/* SPDX-License-Identifier: GPL-2.0-only */
#include "unix_listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"

/* Removes the socket of a program that was killed. */
static int remove_stale(const struct sockaddr_un *address, struct maze_error *error)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(address->sun_path, &st))
		return errno == ENOENT ? 0
				       : maze_fail(error, -errno, "cannot stat %s: %s",
						   address->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return maze_fail(error, -EEXIST, "%s exists and is not a socket",
				 address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return maze_fail(error, -errno, "cannot create a socket: %s", strerror(errno));
	/* EAGAIN: the backlog is full, so a program listens. */
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN)
		err = maze_fail(error, -EADDRINUSE, "another program listens on %s",
				address->sun_path);
	else if (errno == ECONNREFUSED && unlink(address->sun_path))
		err = maze_fail(error, -errno, "cannot remove %s: %s", address->sun_path,
				strerror(errno));
	close(fd);
	return err;
}

int unix_listen(const char *path, mode_t mode, int backlog, struct maze_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return maze_fail(error, -ENAMETOOLONG,
				 "the path of the socket is longer than %zu bytes",
				 sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	err = remove_stale(&address, error);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return maze_fail(error, -errno, "cannot create a socket: %s", strerror(errno));
	/* No client can connect before listen(2), so chmod(2) comes in time here. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || (mode && chmod(path, mode)) ||
	    listen(fd, backlog)) {
		err = maze_fail(error, -errno, "cannot listen on %s: %s", path, strerror(errno));
		close(fd);
		return err;
	}
	return fd;
}
