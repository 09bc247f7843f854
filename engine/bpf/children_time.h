/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the CPU time of the children that a process has waited for, in ns. The BPF object
 * is private to the caller and independent of the engine. It is attached to nothing.
 */
#ifndef MAZE_BPF_CHILDREN_TIME_H
#define MAZE_BPF_CHILDREN_TIME_H

#include "../../core/types.h"

struct children_time {
	maze_u64 ns;
	maze_u64 barriers; /* an atomic operation on it orders the reads around it */
	maze_u32 tasks;	   /* how many the iterator has visited */
	maze_u32 torn;	   /* the time was changed while it was read */
};

#ifndef __bpf__
#include <sys/types.h>

struct children_time_bpf;

/*
 * Loads the program, which takes 10 ms of CPU time. -EPERM, -EACCES: a capability is
 * missing. -EOPNOTSUPP: this kernel lacks something.
 */
int bpf_children_open(struct children_time_bpf **ret_object);
/*
 * Reads the time of the process with this PID. The caller excludes that the PID has been
 * reused, and other calls with this object. Takes 15 us. -ESRCH: there is no such process.
 * -EAGAIN: its time changed during each attempt. -EOPNOTSUPP: this kernel is older than
 * 6.1.
 */
int bpf_children_read(struct children_time_bpf *object, pid_t pid, maze_u64 *ret_ns);
void bpf_children_close(struct children_time_bpf *object);
#endif

#endif
