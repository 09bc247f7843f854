/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs iterator programs. A read of the descriptor runs the program once per task. */
#include "engine_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
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
