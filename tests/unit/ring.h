/* SPDX-License-Identifier: GPL-2.0-only */
/* A thread that the kernel adds to this process: the submission thread of an io_uring. */
#ifndef MAZE_TEST_RING_H
#define MAZE_TEST_RING_H

#include <dirent.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "skip.h"

/*
 * Its number, in a process without other threads; skips the test where it is not
 * available. The caller closes *ret_ring.
 */
static inline pid_t ring_thread(int *ret_ring)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1 };
	struct dirent *entry;
	pid_t found = 0;
	DIR *task;

	*ret_ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (*ret_ring < 0)
		skip_because("io_uring is not permitted here");
	task = opendir("/proc/self/task");
	assert_non_null(task);
	/* The thread sets its name when it first runs. */
	while (!found && (entry = readdir(task)))
		found = atoi(entry->d_name) == getpid() ? 0 : atoi(entry->d_name);
	closedir(task);
	if (!found)
		close(*ret_ring);
	if (!found)
		skip_because("this kernel's io_uring has no thread in the process");
	return found;
}

#endif
