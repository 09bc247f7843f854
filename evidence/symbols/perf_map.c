/* SPDX-License-Identifier: GPL-2.0-only */
#include "perf_map.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../capture/process_root.h"

int perf_map_open(const struct process_info *live, pid_t pid, unsigned int uid)
{
	struct stat status;
	char path[64];
	int root, fd;

	root = process_root_open(live);
	/* An ending process has no root, but most processes share our root. */
	if (root < 0)
		root = process_root_open(NULL);
	if (root < 0)
		return root;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", pid);
	fd = process_root_open_file(root, path);
	close(root);
	if (fd >= 0 && (fstat(fd, &status) || (status.st_uid != uid && status.st_uid != 0))) {
		close(fd);
		return -EPERM;
	}
	return fd;
}
