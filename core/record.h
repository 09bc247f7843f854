/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record: what an engine says happened. Written in the kernel, read by user
 * space, printed as text or JSON by lib/. Every engine fills the same struct.
 */
#ifndef MAZE_CORE_RECORD_H
#define MAZE_CORE_RECORD_H

#include "types.h"

#define MAZE_COMM_LEN 16 /* TASK_COMM_LEN of the kernel, with the NUL */

enum maze_event {
	MAZE_EVENT_NONE = 0,
	MAZE_EVENT_SOFT,    /* count reached the soft limit */
	MAZE_EVENT_HARD,    /* count reached the hard limit, after the soft one */
	MAZE_EVENT_EXIT,    /* a watched task ended */
	MAZE_EVENT_WATCH,   /* a task is watched from here on: asked for or inherited */
	MAZE_EVENT_UNWATCH, /* a task is no longer watched */
	MAZE_EVENT_LOST,    /* `lost` records, or watches that could not be inherited */
	MAZE_EVENT_COUNT_,
};

#define MAZE_RECORD_SENT (1U << 0)	/* the kernel accepted the signal, and the thread gets it */
#define MAZE_RECORD_SHADOW (1U << 1)	/* the policy was in shadow: nothing was sent */
#define MAZE_RECORD_INHERITED (1U << 2) /* WATCH: came by fork or clone, nobody asked */
#define MAZE_RECORD_FATAL (1U << 3)	/* the signal ends the process; in shadow: would have */

/* Why a verdict's signal was not sent or the thread does not get it; in shadow: would not. */
enum maze_not_sent {
	MAZE_NOT_SENT_NONE = 0,	   /* it was, or none was to be: signal 0 */
	MAZE_NOT_SENT_EXITING,	   /* the thread was exiting */
	MAZE_NOT_SENT_BUSY,	   /* the kernel had no room for another signal */
	MAZE_NOT_SENT_WATCH_ENDED, /* the watch ended or was replaced first */
	MAZE_NOT_SENT_NO_HANDLER,  /* a warning that would have ended the process: withheld */
	MAZE_NOT_SENT_IGNORED,	   /* by the process, or by the signal's default action */
	MAZE_NOT_SENT_BLOCKED,	   /* by the thread: pending, but for a warning: withheld */
	MAZE_NOT_SENT_INIT,	   /* no effect on a PID namespace's first process */
	MAZE_NOT_SENT_OTHER,	   /* another reason, or one that this version does not know */
	MAZE_NOT_SENT_COUNT_,
};

struct maze_record {
	maze_u64 seq;	   /* 1, 2, … per engine and kind of event; 0: not numbered */
	maze_u64 boot_ns;  /* CLOCK_BOOTTIME when it happened */
	maze_u64 count_ns; /* the task's maze count then; for a verdict >= limit_ns */
	maze_u64 limit_ns; /* the limit that was reached; 0 for other events */
	/* Of verdicts: what the episode has come to; with an infinite recovery the count and 0. */
	maze_u64 used_ns;   /* CPU time */
	maze_u64 asleep_ns; /* time not runnable, of which each ns forgave some of the count */
	maze_u64 lost;	    /* LOST: how many */
	maze_u64 tag;	    /* who asked for the watch: see engine.h */
	maze_u32 pid;	    /* thread group id, in the pid namespace of the engine's owner */
	maze_u32 tid;	    /* thread id, likewise */
	maze_u32 uid;	    /* real user id, in the initial user namespace */
	maze_u32 cpu;
	maze_u16 event;		  /* enum maze_event */
	maze_u16 signal;	  /* the signal of that stage; 0: none */
	maze_u32 flags;		  /* MAZE_RECORD_* */
	maze_u32 episode;	  /* counts the task's episodes, from 0 */
	maze_u32 not_sent;	  /* enum maze_not_sent; of verdicts only */
	maze_u32 sleeps;	  /* of verdicts: in how many sleeps asleep_ns was */
	char comm[MAZE_COMM_LEN]; /* NUL-terminated; any bytes but NUL */
	maze_u32 reserved;
};
_Static_assert(sizeof(struct maze_record) == 120, "struct maze_record is shared with the kernel");

/* The totals of one episode. */
struct maze_tally {
	maze_u64 count_ns;  /* the maze count: used_ns less what sleeps took off */
	maze_u64 used_ns;   /* CPU time since the episode began */
	maze_u64 asleep_ns; /* time in sleeps that took some off the count; 0 with _INF */
	maze_u32 sleeps;    /* number of those sleeps */
	maze_u32 episode;   /* number of resets before it */
};
_Static_assert(sizeof(struct maze_tally) == 32, "struct maze_tally is shared with the kernel");

maze_inline void maze_record_tally(struct maze_record *record, const struct maze_tally *tally)
{
	record->count_ns = tally->count_ns;
	record->used_ns = tally->used_ns;
	record->asleep_ns = tally->asleep_ns;
	record->sleeps = tally->sleeps;
	record->episode = tally->episode;
}

/* Where a reader of records is: what was not read yet. */
struct maze_cursor {
	maze_u64 instance; /* of the engine: another one counts anew; 0: not to come back to */
	maze_u64 next[2];  /* numbers of verdicts and losses; of beginnings and ends; 0: none yet */
};

/* One watched task, as listed: what `maze list` and /sys/fs/bpf/maze/entries show. */
struct maze_entry {
	maze_u64 count_ns; /* as of the task's last context switch or tick */
	maze_u64 soft_ns;
	maze_u64 hard_ns;
	maze_u64 tag;
	maze_u32 pid;
	maze_u32 tid;
	maze_u32 uid;
	maze_u32 recovery;
	maze_u32 flags; /* MAZE_POLICY_* */
	maze_u16 soft_signal;
	maze_u16 hard_signal;
	maze_u32 fired; /* MAZE_FIRED_*: the stages this episode has reached */
	maze_u32 episode;
	char comm[MAZE_COMM_LEN];
};
_Static_assert(sizeof(struct maze_entry) == 80, "struct maze_entry is shared with the kernel");

#endif
