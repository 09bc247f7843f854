/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This sink is standard error, with one line per message. The time and the fields of a
 * record are left out, because container runtimes and terminals show only text.
 */
#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/error.h"

/*
 * Opens a terminal or pipe again, because O_NONBLOCK on the inherited descriptor would
 * also hold for the shell. A regular file stays as it is, with its position. So does a
 * terminal of another user.
 */
static int open_stderr(const struct daemon_settings *settings, struct log_target *ret_target,
		       struct maze_error *error)
{
	struct stat status;
	int fd = -1;

	(void)settings;
	if (!fstat(STDERR_FILENO, &status) && (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0)
		return maze_fail(error, -errno,
				 "cannot log to standard error: %s; without it and without a "
				 "journal, [daemon] needs \"log = PATH\"",
				 strerror(errno));
	*ret_target = (struct log_target){ .fd = fd };
	return 0;
}

static int render(const struct log_message *message, char *buf, size_t size)
{
	int length = snprintf(buf, size, "mazed: %s\n", message->text);

	return length < 0 || (size_t)length >= size ? -ENOBUFS : length;
}

static int send_stderr(struct log_target *target, const char *bytes, size_t length)
{
	struct pollfd fd = { .fd = target->fd, .events = POLLOUT };

	/* A descriptor that was not opened again would block here. */
	if (poll(&fd, 1, 0) != 1)
		return -EAGAIN;
	return log_file_send(target, bytes, length);
}

const struct log_sink log_stderr = {
	.name = "standard error",
	.open = open_stderr,
	.render = render,
	.send = send_stderr,
};
