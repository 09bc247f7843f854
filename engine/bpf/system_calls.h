/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counts the system calls of single threads. The BPF object is private to this process
 * and independent of the engine. Its programs are attached to the tracepoints of all
 * system calls only while a slice runs.
 */
#ifndef MAZE_BPF_SYSTEM_CALLS_H
#define MAZE_BPF_SYSTEM_CALLS_H

#include "../../core/system_calls.h"

/* Bit N of word N/64 is set if call N has a descriptor as its first argument. */
struct call_descriptors {
	maze_u64 native[CALL_NUMBERS / 64];
	maze_u64 compat[CALL_NUMBERS / 64];
};

/* The iterator finds a thread by its number in the caller's PID namespace. */
struct call_thread {
	maze_u64 born_by_ns; /* in: ignore a thread that was started later */
	maze_u64 runtime_ns; /* as of its last switch or tick */
	maze_u32 number;     /* in the initial PID namespace; 0: not found */
	/*
	 * The call that it is in. A thread that has been interrupted in user code since
	 * its last call has CALL_NONE.
	 */
	maze_u32 inside;
	int inside_descriptor;
	maze_u32 tasks; /* how many the iterator has visited */
};

#ifndef __bpf__
#include <stdbool.h>
#include <sys/types.h>

#include "../../base/maze_error.h"

struct call_counter;

/* -EPERM, -EACCES: a capability is missing. -EOPNOTSUPP: this kernel lacks something. */
int bpf_calls_open(const struct call_descriptors *descriptors, struct call_counter **ret_counter,
		   struct maze_error *error);
/*
 * -ESRCH: there is no such thread, or it was started after `born_by_ns`. -EOPNOTSUPP: this
 * kernel is older than 6.1.
 */
int bpf_calls_find(struct call_counter *counter, pid_t tid, maze_u64 born_by_ns,
		   struct call_thread *ret_thread);
/*
 * Begins a slice, which ends after `limit_ns` of the thread's CPU time. Returns its slot.
 * -EBUSY: all slots are in use.
 */
int bpf_calls_begin(struct call_counter *counter, pid_t tid, maze_u64 born_by_ns, maze_u64 limit_ns,
		    struct maze_error *error);
const struct call_slot *bpf_calls_slot(const struct call_counter *counter, int slot);
/*
 * Whether a slice that no call has ended is at its end: `runtime_ns`, which is the thread's,
 * has gone on after it was first seen to be beyond the limit.
 */
bool bpf_calls_is_over(struct call_counter *counter, int slot, maze_u64 runtime_ns);
/*
 * Ends the slice and copies the slot, with the end of the slice in ended_ns. The last slice
 * that ends detaches the programs.
 */
void bpf_calls_end(struct call_counter *counter, int slot, struct call_slot *ret_slot);
/* How long the programs have been attached so far. */
maze_u64 bpf_calls_attached_ns(const struct call_counter *counter);
void bpf_calls_close(struct call_counter *counter);
#endif

#endif
