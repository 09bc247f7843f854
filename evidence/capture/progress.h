/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads what a thread has achieved so far: five small files of /proc, without a lock of the
 * memory map.
 */
#ifndef MAZE_EVIDENCE_PROGRESS_H
#define MAZE_EVIDENCE_PROGRESS_H

#include <sys/types.h>

#include "../../core/record.h"
#include "../../lib/progress.h"

struct progress {
	maze_u64 boot_ns;		      /* CLOCK_BOOTTIME; 0: not read */
	maze_u64 start_ticks;		      /* of the thread; its number may be reused */
	long long number[PROGRESS_COUNTERS_]; /* since the thread began; -1: unknown */
	long long resident_bytes;
	int io_error; /* -errno: why the bytes are unknown */
};

/* `proc_fd` is an open /proc/PID. Returns -ESRCH if the thread has ended. */
int progress_read(int proc_fd, pid_t tid, struct progress *ret_progress);

#endif
