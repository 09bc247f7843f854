/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stand-in for mazed: prints each request and answers with the next paragraph of a
 * file. When none is left, it closes the connection and exits.
 *
 * usage: fake_mazed SOCKET ANSWERS
 */
#include <sys/socket.h>
#include <sys/un.h>

#include "program.h"

/* Sends up to a blank line, without it; false: no answer is left for another request. */
static bool answer(FILE *answers, int fd)
{
	char line[131072];
	int next;

	while (fgets(line, sizeof(line), answers) && strcmp(line, "\n") != 0)
		if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
			return false;
	next = fgetc(answers);
	return next != EOF && ungetc(next, answers) != EOF;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	FILE *answers, *requests;
	char line[8192];
	int listener, fd;

	bound_life();
	/* Who sees the socket can connect: it gets its name when the program listens. */
	if (argc != 3 || snprintf(address.sun_path, sizeof(address.sun_path), "%s.new", argv[1]) >=
				 (int)sizeof(address.sun_path))
		return 2;
	answers = fopen(argv[2], "r");
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (!answers || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 1) || rename(address.sun_path, argv[1]))
		return 1;
	fd = accept(listener, NULL, NULL);
	requests = fdopen(dup(fd), "r");
	while (fgets(line, sizeof(line), requests)) {
		fputs(line, stdout);
		fflush(stdout);
		if (!answer(answers, fd))
			break;
	}
	return 0;
}
