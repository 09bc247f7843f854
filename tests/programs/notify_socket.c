/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stand-in for a service manager: prints the messages to a socket of sd_notify(3), each
 * line prefixed with the sender's process ID, until it is killed.
 *
 * usage: notify_socket PATH
 */
#include <sys/socket.h>
#include <sys/un.h>

#include "program.h"

static pid_t sender(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	struct ucred who = { 0 };

	if (header && header->cmsg_type == SCM_CREDENTIALS)
		memcpy(&who, CMSG_DATA(header), sizeof(who));
	return who.pid;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[4096], control[256], *line;
	struct iovec part = { text, sizeof(text) - 1 };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), on = 1;
	struct msghdr message;
	ssize_t length;

	bound_life();
	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	/* A message that comes before SO_PASSCRED has no sender. */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return 1;
	for (;;) {
		message = (struct msghdr){ .msg_iov = &part,
					   .msg_iovlen = 1,
					   .msg_control = control,
					   .msg_controllen = sizeof(control) };
		length = recvmsg(fd, &message, 0);
		if (length < 0)
			return 1;
		text[length] = '\0';
		for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			printf("%d %s\n", sender(&message), line);
		fflush(stdout);
	}
}
