/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This sink is a file with one JSON object per line. Records have the form of `maze
 * events --json`, with their rule. Messages of mazed have "event": "message". Each line
 * is one write(2) with O_APPEND. So lines stay whole if other programs write to the file
 * too, and any program may truncate the file at any time.
 */
#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../base/error.h"
#include "entry_json.h"

/* Other users must not read the file, because it has names of processes and users. */
#define FILE_MODE 0640
/*
 * O_NOFOLLOW is set because a symlink could redirect a write by root. O_NONBLOCK is set
 * because opening a FIFO without a reader must not block before the FIFO is refused.
 */
#define FILE_FLAGS (O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK)

static int open_or_create(const char *path)
{
	int fd = open(path, FILE_FLAGS | O_CREAT | O_EXCL, FILE_MODE);

	if (fd >= 0) {
		/* The umask must not change the mode. An existing file keeps its mode. */
		fchmod(fd, FILE_MODE);
		return fd;
	}
	if (errno == EEXIST)
		fd = open(path, FILE_FLAGS);
	return fd < 0 ? -errno : fd;
}

static int open_file(const struct daemon_settings *settings, struct log_target *ret_target,
		     struct maze_error *error)
{
	const char *path = settings->log_path;
	int fd = open_or_create(path);
	struct stat status;

	if (fd == -ELOOP)
		return maze_fail(error, fd,
				 "the log %s is a symbolic link, which is not followed; name the "
				 "file itself",
				 path);
	if (fd < 0 && fd != -ENXIO)
		return maze_fail(error, fd, "cannot open the log %s: %s", path, strerror(-fd));
	if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode)) {
		if (fd >= 0)
			close(fd);
		return maze_fail(error, -EINVAL, "the log %s is not a regular file", path);
	}
	*ret_target = (struct log_target){ .fd = fd };
	return 0;
}

static int render(const struct log_message *message, char *buf, size_t size)
{
	char *text;
	int length;

	if (message->action)
		text = action_json(message->action, message->text);
	else if (message->entry && !message->incident)
		text = entry_json(message->entry);
	else
		text = message_json(message);
	if (!text)
		return -ENOMEM;
	length = snprintf(buf, size, "%s\n", text);
	free(text);
	if (length < 0 || (size_t)length >= size)
		return -ENOBUFS;
	return length;
}

/*
 * On a full disk, write(2) may write only a part of a line. The next call then writes a
 * newline first, so that the rest of the file stays valid JSON.
 */
int log_file_send(struct log_target *target, const char *bytes, size_t length)
{
	struct iovec parts[] = { { .iov_base = "\n", .iov_len = 1 },
				 { .iov_base = (void *)bytes, .iov_len = length } };
	size_t first = target->torn ? 0 : 1, whole = length + 1 - first;
	ssize_t written;

	do
		written = writev(target->fd, parts + first, 2 - (int)first);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	if ((size_t)written == whole) {
		target->torn = false;
		return 0;
	}
	/* If only the newline was written, no partial line is left. */
	if (written > 0)
		target->torn = !(target->torn && written == 1);
	return -ENOSPC;
}

const struct log_sink log_file = {
	.name = "the log file",
	.open = open_file,
	.render = render,
	.send = log_file_send,
};
