/* SPDX-License-Identifier: GPL-2.0-only */
/* See control_listen.h. */
#include "control_listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../base/error.h"

/* Who comes when so many wait to be let in waits too, or is told EAGAIN. */
#define BACKLOG 128

/* A mazed that was killed leaves its socket behind. */
static int remove_stale(const struct sockaddr_un *address, struct maze_error *error)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(address->sun_path, &st))
		return errno == ENOENT ? 0
				       : maze_fail(error, -errno, "%s cannot be looked at: %s",
						   address->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return maze_fail(error, -EEXIST, "%s is there, and is no socket",
				 address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return maze_fail(error, -errno, "no socket: %s", strerror(errno));
	/* EAGAIN: its backlog is full, so there is somebody. */
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN)
		err = maze_fail(error, -EADDRINUSE, "another program listens on %s",
				address->sun_path);
	else if (errno == ECONNREFUSED && unlink(address->sun_path))
		err = maze_fail(error, -errno, "%s cannot be removed: %s", address->sun_path,
				strerror(errno));
	close(fd);
	return err;
}

int control_listen(const char *path, struct maze_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	err = remove_stale(&address, error);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return maze_fail(error, -errno, "no socket: %s", strerror(errno));
	/* Nobody gets in before listen(2), so the modes may change until then. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || chmod(path, 0666) ||
	    listen(fd, BACKLOG)) {
		err = maze_fail(error, -errno, "%s cannot be listened on: %s", path,
				strerror(errno));
		close(fd);
		return err;
	}
	return fd;
}
