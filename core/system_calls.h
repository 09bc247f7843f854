/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls of one thread in a slice of its CPU time. A BPF program fills a struct
 * call_slot (engine/bpf/system_calls.bpf.c); user space makes a struct call_slice of it.
 */
#ifndef MAZE_CORE_SYSTEM_CALLS_H
#define MAZE_CORE_SYSTEM_CALLS_H

#include "types.h"

#define CALL_SLOTS 8	       /* concurrent slices */
#define CALL_SLOT_ROWS 64      /* power of two; calls without a row are only counted */
#define CALL_SLICE_ROWS 16     /* the most frequent rows of a slot */
#define CALL_NUMBERS 512       /* higher numbers have no descriptor */
#define CALL_COMPAT (1U << 31) /* a call by the 32-bit interface, with its own number */
#define CALL_NONE (~0U)

/* The calls of one number, descriptor and result. */
struct call_row {
	maze_u32 call;	/* number, perhaps with CALL_COMPAT */
	int descriptor; /* the first argument; 0 if the call has none */
	int result;	/* -errno; 0; 1: any positive result */
	maze_u32 count;
	maze_u64 time_ns; /* from entry to exit, with time off the CPU */
	maze_u64 sum;	  /* of positive results */
};

/* While a thread has a slot, only the BPF program writes to it. */
struct call_slot {
	maze_u64 limit_ns;   /* the slice ends after this CPU time */
	maze_u64 armed_ns;   /* CLOCK_BOOTTIME, as all times here */
	maze_u64 began_ns;   /* 0: no event has come that begins the slice */
	maze_u64 ended_ns;   /* of the last event */
	maze_u64 from_ns;    /* the thread's runtime at the begin */
	maze_u64 booked_ns;  /* its runtime at the last event */
	maze_u64 entered_ns; /* of the call it is in; 0: none */
	maze_u64 calls;
	maze_u64 rest_calls, rest_time_ns; /* of calls without a row */
	maze_u32 inside;		   /* the call that was entered last */
	int inside_descriptor;
	maze_u32 busy; /* the program is in this slot */
	maze_u32 done;
	struct call_row rows[CALL_SLOT_ROWS]; /* a hash table; count 0: unused */
};

struct call_slice {
	maze_u64 boot_ns; /* CLOCK_BOOTTIME of its begin */
	maze_u64 wall_ns;
	maze_u64 cpu_ns;     /* 0: unknown */
	maze_u64 runtime_ns; /* the CPU time of the thread's life at the end */
	maze_u64 calls;	     /* complete calls, also those without a row */
	maze_u64 rest_calls, rest_time_ns;
	maze_u64 inside_ns; /* the time in `inside` so far; at least, if no call was complete */
	maze_u32 inside;    /* the call that the thread was in at the end; or CALL_NONE */
	int inside_descriptor;
	maze_u32 rows_count;
	maze_u32 reserved;
	struct call_row rows[CALL_SLICE_ROWS]; /* the most frequent first */
};

#endif
