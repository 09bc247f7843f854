/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last runs of a thread before a verdict. A run is the time from the moment when the
 * thread gets a CPU to the moment when it leaves it. The kernel side notes each run that
 * ends while the count is at half of the next limit or above, or the soft verdict is over,
 * and the run in which a verdict comes.
 */
#ifndef MAZE_CORE_RUNS_H
#define MAZE_CORE_RUNS_H

#include "record.h"

/* The maximum of runs kept. A power of two. */
#define MAZE_RUNS_MAX 128

/* Why a run ended. */
enum maze_run_end {
	MAZE_RUN_VERDICT = 0, /* it goes on after the verdict */
	MAZE_RUN_PREEMPTED,   /* the thread stays runnable */
	MAZE_RUN_YIELDED,     /* in sched_yield(2) */
	MAZE_RUN_SLEPT,
	MAZE_RUN_LOCK, /* it sleeps in futex(2), and the policy tells this apart */
	MAZE_RUN_STOPPED,
	MAZE_RUN_ENDS_,
};

struct maze_run {
	maze_u64 from_ns;    /* CLOCK_BOOTTIME */
	maze_u64 to_ns;	     /* CLOCK_BOOTTIME */
	maze_u64 runtime_ns; /* the thread's CPU time at its end */
	maze_u64 waited_ns;  /* time that the thread had waited for a CPU before, in all */
	maze_u32 nvcsw;	     /* the thread's switches at its end, as in getrusage(2) */
	maze_u32 nivcsw;
	maze_u32 other; /* the thread that gets the CPU; 0: idle or unknown */
	maze_u16 cpu;
	maze_u8 end; /* enum maze_run_end */
	maze_u8 reserved;
	char comm[MAZE_COMM_LEN]; /* of `other` */
};
maze_static_assert(sizeof(struct maze_run) == 64, "struct maze_run is shared with the kernel");

/* The runs of one episode. */
struct maze_last_runs {
	maze_u64 earlier; /* runs that were noted before these, and overwritten */
	maze_u64 count;
	struct maze_run run[MAZE_RUNS_MAX + 1]; /* the last one has the last verdict */
};

/* The part of the structure that is in use. */
#define maze_last_runs_size(count)                                                                 \
	(offsetof(struct maze_last_runs, run) + (count) * sizeof(struct maze_run))

#endif
