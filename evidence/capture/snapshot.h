/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes the registers and the stack of a running thread at one moment. An unwind by DWARF
 * needs them, because only DWARF gives the callers of code without frame pointers.
 *
 * The thread is not stopped, because a ptrace(2) stop is a reset point. A stop would end
 * the episode, and a runaway thread would never reach its hard limit. Instead the kernel
 * takes a sample for a perf event after one more millisecond of the thread's CPU time.
 */
#ifndef MAZE_EVIDENCE_SNAPSHOT_H
#define MAZE_EVIDENCE_SNAPSHOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../core/types.h"

/* The size field of a sample has 16 bits, so the stack must be smaller than 64 KiB. */
#define SNAPSHOT_STACK_MAX 32768
#define SNAPSHOT_REGISTERS_MAX 33

struct snapshot {
	/* In the order of DWARF numbers. The last is the instruction pointer. */
	maze_u64 registers[SNAPSHOT_REGISTERS_MAX];
	maze_u64 stack_at; /* the address of stack[0] */
	size_t stack_size;
	maze_u64 took_ns; /* between snapshot_ask() and snapshot_get() */
	unsigned char stack[SNAPSHOT_STACK_MAX];
};

/* The number of DWARF registers before the instruction pointer; 0: unknown machine. */
unsigned int snapshot_registers(void);

struct snapshot_event;

/*
 * Requests a snapshot. Returns 0, -EACCES or -EPERM if this is not permitted, -ESRCH if
 * the thread does not exist, -EOPNOTSUPP on an unsupported machine, or another -errno.
 */
int snapshot_ask(pid_t tid, struct snapshot_event **ret_event);
/*
 * Returns 1 with the snapshot, 0 if it was not taken yet, or -ENODATA if it is
 * incomplete. Never waits. The caller frees the snapshot.
 */
int snapshot_get(struct snapshot_event *event, struct snapshot **ret_snapshot);
/* Returns the CLOCK_MONOTONIC time of snapshot_ask(). */
maze_u64 snapshot_asked_ns(const struct snapshot_event *event);
void snapshot_drop(struct snapshot_event *event);

#endif
