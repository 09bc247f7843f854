/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a process began, as /proc shows it: together with its number, the process for
 * good, since no number comes round within a clock tick.
 */
#ifndef MAZE_LIB_PROCESS_START_H
#define MAZE_LIB_PROCESS_START_H

#include "maze.h"

/*
 * Field 22 of proc(5)'s stat, in clock ticks since boot, of the process whose directory
 * in /proc that is. -ESRCH: it has ended; or -errno.
 */
int process_start(int proc_fd, maze_u64 *ret_ticks);

/* Whether the process runs the same file as this one; by its number. */
bool process_is_own_program(pid_t pid);

/* Whether thread `tid` of that process is the kernel's own, so that no engine watches it. */
bool process_thread_is_kernel(int proc_fd, pid_t tid);

#endif
