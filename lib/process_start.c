/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a process began; see process_start.h.
 */
#include "process_start.h"
#include "../engine/proc_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* 51 numbers of up to 20 digits, and a name. */
#define STAT_SIZE 1536
#define NAME_FIELD 2
#define START_FIELD 22

int process_start(int proc_fd, maze_u64 *ret_ticks)
{
	char stat[STAT_SIZE], *at;
	int fd = openat(proc_fd, "stat", O_RDONLY | O_CLOEXEC), field, err;
	ssize_t length;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	do
		length = read(fd, stat, sizeof(stat) - 1);
	while (length < 0 && errno == EINTR);
	err = -errno;
	close(fd);
	if (length < 0)
		return err;
	stat[length] = '\0';
	/* The name may hold blanks and brackets; nothing behind it does. */
	at = strrchr(stat, ')');
	for (field = NAME_FIELD; at && field < START_FIELD; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %llu", ret_ticks) == 1 ? 0 : -EPROTO;
}

bool process_is_own_program(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return proc_is_own_program(AT_FDCWD, path);
}

bool process_thread_is_kernel(int proc_fd, pid_t tid)
{
	return proc_is_kernel_thread(proc_fd, tid);
}
