/* SPDX-License-Identifier: GPL-2.0-only */
#include "perf_map.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../capture/process_root.h"

/* Takes over the descriptor. */
static int open_below(int root, pid_t pid)
{
	char path[64];
	int fd;

	if (root < 0)
		return root;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", pid);
	fd = process_root_open_file(root, path);
	close(root);
	return fd;
}

int perf_map_open(const struct process_info *live, pid_t pid, unsigned int uid)
{
	int root = live ? process_root_open(live) : -ESRCH, fd;
	struct stat status;

	if (root >= 0) {
		fd = open_below(root, pid);
	} else {
		/* An ended process has no root, but most processes share ours or that of PID 1. */
		fd = open_below(process_root_open(NULL), pid);
		if (fd < 0)
			fd = open_below(process_root_open_first(), pid);
	}
	if (fd >= 0 && (fstat(fd, &status) || (status.st_uid != uid && status.st_uid != 0))) {
		close(fd);
		return -EPERM;
	}
	return fd;
}
