/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers and stack of a running thread at one moment, for an unwind by DWARF: code
 * without frame pointers has callers that only its unwind tables tell.
 *
 * The thread is not stopped. A ptrace(2) stop would make it leave the CPU not runnable,
 * which is a reset point: its episode would end there, and a mazed thread would never
 * reach its hard limit. So it is a perf event's sample, which the kernel takes on top of
 * the thread when it has used one more millisecond of CPU time.
 */
#ifndef MAZE_EVIDENCE_SNAPSHOT_H
#define MAZE_EVIDENCE_SNAPSHOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../core/types.h"

/* A sample's size is 16 bits, headers included; more stack than this needs more samples. */
#define SNAPSHOT_STACK_MAX 32768
#define SNAPSHOT_REGISTERS_MAX 33

struct snapshot {
	/* By DWARF's numbers; the instruction pointer behind them. */
	maze_u64 registers[SNAPSHOT_REGISTERS_MAX];
	maze_u64 stack_at; /* address of the first byte */
	size_t stack_size;
	maze_u64 took_ns; /* from when it was asked for */
	unsigned char stack[SNAPSHOT_STACK_MAX];
};

/* How many registers DWARF has here without the instruction pointer; 0: not known. */
unsigned int snapshot_registers(void);

struct snapshot_event;

/* Asks for one. -EACCES and -EPERM: not permitted; -ESRCH: gone; -EOPNOTSUPP; or -errno. */
int snapshot_ask(pid_t tid, struct snapshot_event **ret_event);
/*
 * 1 and the snapshot (free(3) it), 0: not yet, -ENODATA: the kernel has left something out.
 * Never waits.
 */
int snapshot_get(struct snapshot_event *event, struct snapshot **ret_snapshot);
/* CLOCK_MONOTONIC when it was asked for. */
maze_u64 snapshot_asked_ns(const struct snapshot_event *event);
void snapshot_drop(struct snapshot_event *event);

#endif
