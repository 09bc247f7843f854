/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs iterator programs. A read of the descriptor runs the program once per task. */
#include "engine_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

int bpf_iterate(int prog_fd, int pidfd, pid_t tid, int *ret_fd)
{
	union bpf_iter_link_info info = { 0 };
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int link, fd, err = 0;

	/* These members exist since Linux 6.1. The kernel accepts at most one of them. */
	if (tid)
		info.task.tid = (__u32)tid;
	else if (pidfd >= 0)
		info.task.pid_fd = (__u32)pidfd;
	if (tid || pidfd >= 0) {
		opts.iter_info = &info;
		opts.iter_info_len = sizeof(info);
	}
	link = bpf_link_create(prog_fd, 0, BPF_TRACE_ITER, &opts);
	if (link < 0)
		return -errno;
	fd = bpf_iter_create(link);
	if (fd < 0)
		err = -errno;
	close(link);
	if (!err)
		*ret_fd = fd;
	return err;
}

int bpf_iterate_items(int prog_fd, size_t size, int (*each)(const void *item, void *arg), void *arg,
		      struct maze_error *error)
{
	char items[64 * 128];
	size_t have = 0, at;
	ssize_t n;
	int fd, err;

	err = bpf_iterate(prog_fd, -1, 0, &fd);
	if (err)
		return maze_fail(error, err, "cannot iterate over tasks: %s", strerror(-err));
	for (;;) {
		n = read(fd, items + have, sizeof(items) - have);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0) {
			err = n ? maze_fail(error, -errno, "cannot read the list: %s",
					    strerror(errno))
				: 0;
			break;
		}
		have += (size_t)n;
		for (at = 0; at + size <= have && !err; at += size)
			err = each(items + at, arg);
		if (err)
			break;
		/* A read may end inside an item, so keep that part for the next read. */
		memmove(items, items + at, have - at);
		have -= at;
	}
	close(fd);
	return err;
}

int bpf_drain_iterator(int fd)
{
	char buf[256];
	ssize_t n;
	int err;

	do
		n = read(fd, buf, sizeof(buf));
	while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	err = n ? -errno : 0;
	close(fd);
	return err;
}
