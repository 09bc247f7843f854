/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See control_owner.h. What is read, is read through the directory of /proc that is
 * held against a pidfd (subject.c), so it is true of one process, whatever its number.
 */
#include "control_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../../base/proc_files.h"

/* Of status: the lines up to Uid. */
#define FILE_SIZE 1024

static int read_small(int directory_fd, const char *name, char *buf)
{
	int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	do
		length = read(fd, buf, FILE_SIZE - 1);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		length = -errno;
	else
		buf[length] = '\0';
	close(fd);
	return length < 0 ? (int)length : 0;
}

static int check_start(const struct control_request *request, const struct subject_source *source,
		       struct maze_error *error)
{
	maze_u64 start = 0;
	int err = request->start ? proc_start_ticks(source->proc_fd, &start) : 0;

	if (err)
		return maze_fail(error, -ESRCH, "process %d has ended", request->pid);
	if (start != request->start)
		return maze_fail(error, -ESRCH,
				 "process %d that was meant has ended: the one that has its number "
				 "now began at another time",
				 request->pid);
	return 0;
}

/* Real, effective and saved, as the engine will look at them when it acts. */
static int check_ids(const struct control_client *client, const struct control_request *request,
		     const struct subject_source *source, struct maze_error *error)
{
	unsigned int real, effective, saved;
	char status[FILE_SIZE];
	int err = read_small(source->task_fd, "status", status);
	const char *line = err ? NULL : strstr(status, "\nUid:");

	if (!line || sscanf(line, "\nUid: %u %u %u", &real, &effective, &saved) != 3)
		return maze_fail(error, -ESRCH, "process %d has ended", request->pid);
	if (real == client->peer.uid && effective == real && saved == real)
		return 0;
	return maze_fail(error, -EPERM, "process %d is not wholly yours (user id %u); root may",
			 request->pid, client->peer.uid);
}

/*
 * A number means something else in another pid namespace. Of a peer that is gone by now
 * nothing can be told; then ownership and the beginning have to do.
 */
static int check_namespace(const struct control_client *client, struct maze_error *error)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", client->peer.pid);
	if (client->peer.pid > 0 &&
	    (stat(path, &theirs) || stat("/proc/self/ns/pid", &ours) ||
	     (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)))
		return 0;
	return maze_fail(
		error, -EPERM,
		"you are in another pid namespace, where processes have other numbers than "
		"here; ask from outside of it");
}

int control_owner_open(const struct control_client *client, const struct control_request *request,
		       struct subject_source *ret_source, struct maze_error *error)
{
	static struct subject subject; /* 14 KiB that only the numbers of are used */
	struct subject_source source;
	int err = check_namespace(client, error);

	if (err)
		return err;
	err = subject_open(request->pid, request->tid, &source, &subject, error);
	if (err)
		return err;
	err = check_start(request, &source, error);
	if (!err && !client->root)
		err = check_ids(client, request, &source, error);
	if (err)
		subject_close(&source);
	else
		*ret_source = source;
	return err;
}
