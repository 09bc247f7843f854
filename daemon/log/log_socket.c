/* SPDX-License-Identifier: GPL-2.0-only */
/* No call blocks, because connect(2) on a Unix datagram socket only looks up the path. */
#include "log_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return 0;
}

int log_socket_open(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = connect_to(fd, path);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int send_once(int fd, const char *bytes, size_t length)
{
	ssize_t sent;

	do
		sent = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int log_socket_send(int fd, const char *path, const char *bytes, size_t length)
{
	int err = send_once(fd, bytes, length);

	/* The receiver has closed its socket. Connect to the socket of a new receiver. */
	if (err == -ECONNREFUSED || err == -ECONNRESET || err == -ENOTCONN || err == -EPIPE) {
		err = connect_to(fd, path);
		if (!err)
			err = send_once(fd, bytes, length);
	}
	return err;
}
