/* SPDX-License-Identifier: GPL-2.0-only */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/unix_listen.h"

/* If it is full, the kernel drops attempts, and a client tries again after a second. */
#define BACKLOG 1024

/* Only numbers, because a name would need a name service. */
static int parse_ip(const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_size)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2], *end;
	size_t length = colon ? (size_t)(colon - text) : 0;
	unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;

	if (!length || length >= sizeof(host) || colon[1] < '0' || colon[1] > '9' || *end ||
	    !port || port > 65535)
		return -EINVAL;
	memset(ret_address, 0, sizeof(*ret_address));
	snprintf(host, sizeof(host), "%.*s", (int)length, text);
	if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*ret_size = sizeof(*v6);
		return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	*ret_size = sizeof(*v4);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

static int listen_at(const char *text, struct maze_error *error)
{
	struct sockaddr_storage address;
	socklen_t size = 0;
	int err, fd, yes = 1;

	if (text[0] == '/')
		return unix_listen(text, 0, BACKLOG, error);
	if (parse_ip(text, &address, &size))
		return maze_fail(error, -EINVAL,
				 "\"%.128s\" is not an address; use one such as " LISTEN_DEFAULT
				 ", [::1]:11140 or /run/maze-exporter.sock",
				 text);
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&address, size) && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	if (fd >= 0)
		close(fd);
	return maze_fail(error, err, "cannot listen on %s: %s", text, strerror(-err));
}

int listen_open(const char *address, struct maze_error *error)
{
	int passed = sd_listen_fds(true);

	if (passed > 0 && address)
		return maze_fail(error, -EINVAL,
				 "systemd passes a socket, so --listen has no use; set "
				 "ListenStream= of the socket unit");
	if (passed > 1)
		return maze_fail(error, -EINVAL,
				 "systemd passes %d sockets; one is served, so set one "
				 "ListenStream=",
				 passed);
	if (passed != 1)
		return listen_at(address ? address : LISTEN_DEFAULT, error);
	if (sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
		return maze_fail(error, -EINVAL,
				 "the socket that systemd passes is not a listening stream socket");
	return SD_LISTEN_FDS_START;
}
