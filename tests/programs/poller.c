/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Polls with timeout 0 for --for-ms of its own CPU time; with --read it reads an empty
 * non-blocking pipe instead.
 */
#include "program.h"

#include <fcntl.h>
#include <poll.h>

int main(int argc, char **argv)
{
	bool reads = has_option(argc, argv, "--read");
	struct pollfd empty;
	long long until;
	int fds[2];
	char byte;

	begin(argc, argv);
	if (pipe2(fds, O_NONBLOCK))
		return 1;
	empty = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	until = own_cpu_ns() + number_option(argc, argv, "--for-ms", 3000) * 1000000LL;
	while (own_cpu_ns() < until) {
		account_look();
		if (reads ? read(fds[0], &byte, 1) > 0 : poll(&empty, 1, 0) > 0)
			return 1;
	}
	return 0;
}
