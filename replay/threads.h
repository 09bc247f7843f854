/* SPDX-License-Identifier: GPL-2.0-only */
/* The threads of a replay, in a table by TID. */
#ifndef MAZE_REPLAY_THREADS_H
#define MAZE_REPLAY_THREADS_H

#include <stdbool.h>
#include <stddef.h>

#include "../core/record.h"
#include "../core/step.h"
#include "../core/trace_event.h"

struct replay_watch;

struct thread {
	maze_u32 tid;
	maze_u32 pid;	     /* 0: unknown */
	maze_u32 cpu;	     /* its last one */
	maze_u32 losses;     /* those of the replay that its account has taken note of */
	maze_u32 main_names; /* changes of such names when its watch was chosen */
	char name[MAZE_COMM_LEN];
	bool chosen;  /* its watch was chosen */
	bool has_run; /* it had a CPU */
	bool running;
	bool ended;			  /* its last run goes on without a watch */
	bool in_futex;			  /* its last system call is futex(2) */
	const struct replay_watch *watch; /* NULL: not watched */
	struct maze_account account;
	maze_u64 next_ns;   /* CPU time until the next stage at the last sample; 0: none */
	maze_u64 from_ns;   /* its CPU time in the trace at its last switch */
	maze_u64 since_ns;  /* when it got the CPU */
	maze_u64 booked_ns; /* CPU time since then that the scheduler has booked; 0: unknown */
	maze_u64 exact_ns;  /* its CPU time by the scheduler at its last switch-out; 0: unknown */
	maze_u64 slept_ns;  /* when a sleep that is no reset began; 0: none */
	maze_u64 woken_ns;  /* when that sleep ended; 0: unknown */
};

#define THREADS_PAGE 1024U
#define THREADS_PAGES (MAZE_TRACE_TID_MAX / THREADS_PAGE + 1)

struct threads {
	struct thread **pages[THREADS_PAGES];
};

/* Returns NULL if there is none. `tid` is at most MAZE_TRACE_TID_MAX. */
static inline struct thread *threads_find(const struct threads *threads, maze_u32 tid)
{
	struct thread *const *page = threads->pages[tid / THREADS_PAGE];

	return page ? page[tid % THREADS_PAGE] : NULL;
}

/* Returns the thread, which may be new and of zeros, or NULL without memory. */
struct thread *threads_add(struct threads *threads, maze_u32 tid);
void threads_remove(struct threads *threads, struct thread *thread);
void threads_free(struct threads *threads);

#endif
