/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts the system calls of threads, with any engine: the kernel side is a BPF program
 * of its own. It is not a part of the public API.
 */
#ifndef MAZE_LIB_SYSTEM_CALLS_H
#define MAZE_LIB_SYSTEM_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../base/maze_error.h"
#include "../core/system_calls.h"

/* Returns the name of a call, or NULL if the headers of the build do not have it. */
const char *system_call_name(maze_u32 call);
/* Whether the first argument is a descriptor, which can be AT_FDCWD. */
bool system_call_has_descriptor(maze_u32 call);
/* Whether a positive result is a number of bytes. */
bool system_call_returns_bytes(maze_u32 call);
/* Writes "EAGAIN", or the number of an error without a name. Returns buf. */
const char *system_call_error(int error, char *buf, size_t size);

struct call_counter;

/* Loads the program, but attaches nothing. -EPERM: this process may not load it. */
int call_counter_open(struct call_counter **ret_counter, struct maze_error *error);
/*
 * Begins a slice of a thread and returns its slot. The program is attached to all system
 * calls of the machine until the last slice has ended. The slice ends after `limit_ns` of
 * the thread's CPU time. -EBUSY: CALL_SLOTS slices run. -ESRCH: there is no such thread,
 * or it was started after `born_by_ns` (CLOCK_BOOTTIME).
 */
int call_counter_begin(struct call_counter *counter, pid_t tid, maze_u64 born_by_ns,
		       maze_u64 limit_ns, struct maze_error *error);
/*
 * Returns 1 and the slice, whose slot is free then, if it has ended or `end` is set.
 * Returns 0 if it runs. `tid` and `born_by_ns` are those of call_counter_begin().
 */
int call_counter_take(struct call_counter *counter, int slot, pid_t tid, maze_u64 born_by_ns,
		      bool end, struct call_slice *ret_slice);
/* The CPU time of a thread, as of its last switch or tick. -ESRCH: as above. */
int call_counter_runtime(struct call_counter *counter, pid_t tid, maze_u64 born_by_ns,
			 maze_u64 *ret_runtime_ns);
/* How long the program has been attached so far. */
maze_u64 call_counter_attached_ns(const struct call_counter *counter);
/* Ends all slices. Ignores NULL. */
void call_counter_close(struct call_counter *counter);

#endif
