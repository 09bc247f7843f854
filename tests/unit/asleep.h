/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a thread of another process sleeps, and in which system call. */
#ifndef MAZE_TEST_ASLEEP_H
#define MAZE_TEST_ASLEEP_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* The kernel shows the number of a call only after the thread has left the CPU. */
static inline bool is_asleep_in(pid_t pid, pid_t tid, long call)
{
	char path[64];
	bool asleep;
	long number;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	asleep = fscanf(file, "%ld", &number) == 1 && number == call;
	fclose(file);
	return asleep;
}

#endif
