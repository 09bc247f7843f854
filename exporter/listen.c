/* SPDX-License-Identifier: GPL-2.0-only */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "../base/error.h"

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

/* Removes the socket of a program that has ended, and nothing else. */
static void remove_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat status;

	if (fd >= 0 && !lstat(address->sun_path, &status) && S_ISSOCK(status.st_mode) &&
	    connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
	if (fd >= 0)
		close(fd);
}

static int parse(const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_size,
		 struct maze_error *error)
{
	struct sockaddr_un *local = (struct sockaddr_un *)ret_address;

	if (text[0] != '/') {
		if (!parse_ip(text, ret_address, ret_size))
			return 0;
		return maze_fail(error, -EINVAL,
				 "\"%.128s\" is not an address; use one such as " LISTEN_DEFAULT
				 ", [::1]:11140 or /run/maze-exporter.sock",
				 text);
	}
	if (strlen(text) >= sizeof(local->sun_path))
		return maze_fail(error, -ENAMETOOLONG,
				 "the path of the socket is longer than %zu bytes",
				 sizeof(local->sun_path) - 1);
	*local = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(local->sun_path, text, strlen(text));
	remove_stale(local);
	*ret_size = sizeof(*local);
	return 0;
}

static int listen_at(const char *text, struct maze_error *error)
{
	struct sockaddr_storage address;
	socklen_t size = 0;
	int err = parse(text, &address, &size, error), fd, yes = 1;

	if (err)
		return err;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && address.ss_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&address, size) && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	if (fd >= 0)
		close(fd);
	return maze_fail(error, err, "cannot listen at %s: %s", text, strerror(-err));
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
