/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The compact format of a trace of context switches: a header, and events of 32 bytes, in
 * the byte order of the machine. On each CPU the times of the events do not decrease.
 */
#ifndef MAZE_CORE_TRACE_EVENT_H
#define MAZE_CORE_TRACE_EVENT_H

#include "types.h"

/* Without its NUL. */
#define MAZE_TRACE_MAGIC "maze-tr\n"
#define MAZE_TRACE_VERSION 1U
/* The maximum number of CPUs in a trace, and PID_MAX_LIMIT of the kernel. */
#define MAZE_TRACE_CPUS_MAX 8192U
#define MAZE_TRACE_TID_MAX 4194304U

#define MAZE_TRACE_HAS_YIELDS (1U << 0) /* yields are in the trace */

struct maze_trace_header {
	char magic[8];	     /* MAZE_TRACE_MAGIC */
	maze_u32 version;    /* MAZE_TRACE_VERSION */
	maze_u32 event_size; /* sizeof(struct maze_trace_event) */
	maze_u64 wall_ns;    /* CLOCK_REALTIME when the clock of the trace was 0 */
	maze_u64 flags;	     /* MAZE_TRACE_* flags */
};
maze_static_assert(sizeof(struct maze_trace_header) == 32,
		   "struct maze_trace_header is in files of traces");

enum maze_trace_kind {
	MAZE_TRACE_SWITCH = 1, /* `tid` leaves the CPU, and `other` gets it */
	MAZE_TRACE_FORK,       /* `tid` starts `other`, a thread of the process `pid` */
	MAZE_TRACE_EXIT,       /* `tid` ends */
	MAZE_TRACE_YIELD,      /* `tid` is in sched_yield(2) */
	MAZE_TRACE_WAKE,       /* `tid` is runnable again */
	MAZE_TRACE_NAME,       /* `tid`, a thread of the process `pid`, has the name `comm` */
	MAZE_TRACE_LOST,       /* `number` events are missing */
	MAZE_TRACE_KINDS_,
};

/* Why a thread leaves the CPU. */
enum maze_trace_state {
	MAZE_TRACE_RUNNABLE = 0, /* it is preempted, or yields */
	MAZE_TRACE_SLEEPS,
	MAZE_TRACE_WAITS_FOR_LOCK, /* it sleeps in futex(2) */
	MAZE_TRACE_STOPS,	   /* by a signal or a tracer */
	MAZE_TRACE_ENDS,
	MAZE_TRACE_STATES_,
};

struct maze_trace_event {
	union {
		struct {
			maze_u64 time_ns;
			union {
				maze_u64 runtime_ns; /* SWITCH: CPU time of `tid`; 0: unknown */
				maze_u64 number;     /* LOST */
			};
		};
		char comm[16]; /* NAME, which has no time; filled up with NUL */
	};
	maze_u32 tid; /* 0: the CPU is idle */
	maze_u32 other;
	maze_u32 pid; /* 0: unknown */
	maze_u16 cpu;
	maze_u8 kind;  /* enum maze_trace_kind */
	maze_u8 state; /* SWITCH: enum maze_trace_state; else 0 */
};
maze_static_assert(sizeof(struct maze_trace_event) == 32,
		   "struct maze_trace_event is in files of traces");

#endif
