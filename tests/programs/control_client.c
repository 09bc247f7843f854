/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client of mazed's control socket, correct or hostile.
 *
 * usage: control_client PATH WHAT [N]
 *   talk       sends standard input, then prints all answers
 *   hold       the same, but does not close its sending side
 *   silent     requests N lists and reads nothing, until it is killed or disconnected
 *   crowd      connects N times with a request each, keeps all, prints "N connected,
 *              M refused", and waits for the end of standard input
 *   garbage    sends N MiB without a newline, prints how many bytes were taken
 *   linger     sends N messages, each with the last descriptor of a socket whose close
 *              waits for a minute; prints how many were taken
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "program.h"

static struct sockaddr_un address = { .sun_family = AF_UNIX };

static int connect_once(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int connect_or_die(void)
{
	int fd = connect_once();

	if (fd < 0) {
		perror("cannot connect");
		exit(1);
	}
	return fd;
}

/* Sends and reads at once: neither side may wait for the other forever. */
static int talk(bool hold)
{
	struct pollfd fds[] = { { 0, POLLIN, 0 }, { connect_or_die(), POLLIN, 0 } };
	char buf[4096];
	ssize_t length;

	for (;;) {
		poll(fds, 2, -1);
		if (fds[0].revents) {
			length = read(0, buf, sizeof(buf));
			if (length > 0 && send(fds[1].fd, buf, (size_t)length, MSG_NOSIGNAL) < 0)
				fds[0].fd = -1;
			if (length <= 0) {
				fds[0].fd = -1;
				if (!hold)
					shutdown(fds[1].fd, SHUT_WR);
			}
		}
		if (fds[1].revents) {
			length = read(fds[1].fd, buf, sizeof(buf));
			if (length <= 0)
				return 0;
			fwrite(buf, 1, (size_t)length, stdout);
			fflush(stdout);
		}
	}
}

static int silent(long count)
{
	static const char request[] = "{\"do\":\"list\"}\n";
	int fd = connect_or_die();

	for (; count > 0; count--)
		if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
			break;
	/* Only the end of the connection wakes it. */
	while (send(fd, "", 0, MSG_NOSIGNAL) >= 0)
		sleep(1);
	return 0;
}

/*
 * Refused: the first answer states it, or there is none. Otherwise it answers the
 * request.
 */
static bool is_refused(int fd)
{
	static const char accepted[] = "{\"ok\":true";
	char line[256];

	return recv(fd, line, sizeof(accepted) - 1, MSG_WAITALL) != sizeof(accepted) - 1 ||
	       memcmp(line, accepted, sizeof(accepted) - 1) != 0;
}

static int crowd(long count)
{
	static const char request[] = "{\"do\":\"status\"}\n";
	long connected = 0, refused = 0, i;
	int *fds = calloc((size_t)count, sizeof(*fds));

	for (i = 0; fds && i < count; i++) {
		fds[i] = connect_once();
		send(fds[i], request, sizeof(request) - 1, MSG_NOSIGNAL);
	}
	for (i = 0; fds && i < count; i++) {
		if (fds[i] < 0 || is_refused(fds[i]))
			refused++;
		else
			connected++;
	}
	printf("%ld connected, %ld refused\n", connected, refused);
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}

static int garbage(long mib)
{
	static char block[65536];
	long long taken = 0, all = mib * 1024 * 1024;
	int fd = connect_or_die();
	ssize_t sent;
	size_t i;

	for (i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 7 % 251 == '\n' ? 'x' : i * 7 % 251);
	for (; taken < all; taken += sent) {
		sent = send(fd, block, sizeof(block), MSG_NOSIGNAL);
		if (sent < 0)
			break;
	}
	printf("%lld\n", taken);
	return 0;
}

/* A connected socket with unread data in flight: its close waits for a minute. */
static int lingering_socket(int *ret_other)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	struct linger linger = { 1, 60 };
	socklen_t size = sizeof(any);
	static char block[1 << 20];
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&any, &size) ||
	    connect(fd, (struct sockaddr *)&any, size)) {
		perror("no connection over loopback");
		exit(1);
	}
	*ret_other = accept(listener, NULL, NULL);
	close(listener);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	while (send(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	return fd;
}

static int linger(long count)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec part = { (char[]){ "{" }, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.buf,
				  .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fd = connect_or_die(), passed, other;
	long taken;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	for (taken = 0; taken < count; taken++) {
		passed = lingering_socket(&other);
		memcpy(CMSG_DATA(header), &passed, sizeof(passed));
		if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
			break;
		/* Now the message has the only reference. */
		close(passed);
	}
	printf("%ld\n", taken);
	fflush(stdout);
	while (recv(fd, control.buf, sizeof(control.buf), 0) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	long count = argc > 3 ? strtol(argv[3], NULL, 10) : 1;

	bound_life();
	if (argc < 3 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	if (!strcmp(argv[2], "talk") || !strcmp(argv[2], "hold"))
		return talk(argv[2][0] == 'h');
	if (!strcmp(argv[2], "silent"))
		return silent(count);
	if (!strcmp(argv[2], "crowd"))
		return crowd(count);
	if (!strcmp(argv[2], "garbage"))
		return garbage(count);
	if (!strcmp(argv[2], "linger"))
		return linger(count);
	return 2;
}
