/* SPDX-License-Identifier: GPL-2.0-only */
#include "standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void standard_streams_reserve(void)
{
	int fd;

	/* open() uses the lowest free number. O_PATH: reads and writes give EBADF. */
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH | O_CLOEXEC) < 0)
			return;
}

void standard_output_fail(void)
{
	putchar('\n');
	fflush(stdout);
}

int standard_output_close(const char *program, int status)
{
	int failed = ferror(stdout);

	errno = 0;
	/* The output lacks a part. One more write finds the reason. */
	if (failed)
		putchar('\n');
	failed |= fclose(stdout);
	if (!failed)
		return status;
	fprintf(stderr, "%s: cannot write to standard output: %s\n", program,
		errno ? strerror(errno) : "a part of the output is lost");
	return status ? status : 1;
}
