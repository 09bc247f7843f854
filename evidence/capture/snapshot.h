/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers and stack of a running thread at one moment, for an unwind by DWARF: only
 * unwind tables give the callers of code without frame pointers.
 *
 * The thread is not stopped, because a ptrace(2) stop is a reset point: the episode would
 * end, and a runaway thread would never reach its hard limit. Instead the kernel takes a
 * sample of a perf event once the thread has used one more millisecond of CPU time.
 */
#ifndef MAZE_EVIDENCE_SNAPSHOT_H
#define MAZE_EVIDENCE_SNAPSHOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../core/types.h"

/* The size of a sample, with its headers, has 16 bits. */
#define SNAPSHOT_STACK_MAX 32768
#define SNAPSHOT_REGISTERS_MAX 33

struct snapshot {
	/* By DWARF number, then the instruction pointer. */
	maze_u64 registers[SNAPSHOT_REGISTERS_MAX];
	maze_u64 stack_at; /* address of the first byte */
	size_t stack_size;
	maze_u64 took_ns; /* from snapshot_ask() on */
	unsigned char stack[SNAPSHOT_STACK_MAX];
};

/* The number of DWARF registers without the instruction pointer; 0: unknown machine. */
unsigned int snapshot_registers(void);

struct snapshot_event;

/*
 * -EACCES, -EPERM: not permitted; -ESRCH: the thread does not exist; -EOPNOTSUPP; or
 * -errno.
 */
int snapshot_ask(pid_t tid, struct snapshot_event **ret_event);
/*
 * 1 and the snapshot (free(3) it), 0: not yet, -ENODATA: the sample is incomplete. Never
 * waits.
 */
int snapshot_get(struct snapshot_event *event, struct snapshot **ret_snapshot);
/* The CLOCK_MONOTONIC of snapshot_ask(). */
maze_u64 snapshot_asked_ns(const struct snapshot_event *event);
void snapshot_drop(struct snapshot_event *event);

#endif
