/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record reports one event of a watched task. Every engine fills the same struct, in
 * the kernel or in user space. lib/ prints it as text or JSON.
 */
#ifndef MAZE_CORE_RECORD_H
#define MAZE_CORE_RECORD_H

#include "types.h"

#define MAZE_COMM_LEN 16 /* TASK_COMM_LEN of the kernel, including the NUL */

enum maze_event {
	MAZE_EVENT_NONE = 0,
	MAZE_EVENT_SOFT,    /* the count reached the soft limit */
	MAZE_EVENT_HARD,    /* the count reached the hard limit, after the soft one */
	MAZE_EVENT_EXIT,    /* a watched task ended */
	MAZE_EVENT_WATCH,   /* the watch of a task begins: by request or by inheritance */
	MAZE_EVENT_UNWATCH, /* the watch of a task ends before the task does */
	MAZE_EVENT_LOST,    /* `lost` records were overwritten, or `lost` watches not inherited */
	MAZE_EVENT_COUNT_,
};

#define MAZE_RECORD_SENT (1U << 0)	/* the kernel accepted the signal, and the thread gets it */
#define MAZE_RECORD_SHADOW (1U << 1)	/* no signal was sent: MAZE_POLICY_SHADOW, or TRIPPED */
#define MAZE_RECORD_INHERITED (1U << 2) /* WATCH: inherited by fork or clone */
#define MAZE_RECORD_FATAL (1U << 3)	/* the signal ends the process (in shadow: would end it) */
/* enum maze_policy_scope: what the record is about, a thread (0) or a group */
#define MAZE_RECORD_SCOPE_SHIFT 4
#define MAZE_RECORD_SCOPE (3U << MAZE_RECORD_SCOPE_SHIFT)
#define MAZE_RECORD_TRIPPED (1U << 6) /* in shadow because the allowance has tripped */

/* Why a verdict's signal was not sent or has no effect (in shadow: would have none). */
enum maze_not_sent {
	MAZE_NOT_SENT_NONE = 0,	   /* it was sent, or the stage has no signal */
	MAZE_NOT_SENT_EXITING,	   /* the thread was exiting */
	MAZE_NOT_SENT_BUSY,	   /* the kernel had no room for another signal */
	MAZE_NOT_SENT_WATCH_ENDED, /* the watch ended or was replaced first */
	MAZE_NOT_SENT_NO_HANDLER,  /* a warning needs a handler, and there is none */
	MAZE_NOT_SENT_IGNORED,	   /* the process or the default action ignores it */
	MAZE_NOT_SENT_BLOCKED,	   /* the thread blocks it; a warning is then not sent */
	MAZE_NOT_SENT_INIT,	   /* the first process of a PID namespace has no handler for it */
	MAZE_NOT_SENT_OTHER,	   /* another reason, or one unknown to this version */
	MAZE_NOT_SENT_COUNT_,
};

/* The uid of a record of a replay. No user has it. */
#define MAZE_UID_UNKNOWN 0xffffffffU

struct maze_record {
	maze_u64 seq;	   /* 1, 2, … per engine and kind of event; 0: not numbered */
	maze_u64 boot_ns;  /* CLOCK_BOOTTIME when it happened */
	maze_u64 count_ns; /* the count, or the level of a group; of a verdict: >= limit_ns */
	maze_u64 limit_ns; /* the limit that was reached; 0 for other events */
	/* For verdicts: see struct maze_tally. */
	maze_u64 used_ns;
	union {
		maze_u64 asleep_ns;
		maze_u64 elapsed_ns; /* of a group */
	};
	maze_u64 lost;	    /* LOST: number of records or watches */
	maze_u64 tag;	    /* tag of the watch: see struct engine_claim of engine.h */
	maze_u64 cgroup_id; /* inode number of its cgroup (version 2); 0: unknown */
	/*
	 * Thread group id, in the pid namespace of the engine's owner. Of a tree: of the
	 * process that was named. Of a control group: 0.
	 */
	maze_u32 pid;
	maze_u32 tid; /* thread id, in the same namespace; of a group: as pid */
	maze_u32 uid; /* real user id, in the initial user namespace, or MAZE_UID_UNKNOWN */
	maze_u32 cpu;
	maze_u16 event;		  /* enum maze_event */
	maze_u16 signal;	  /* the signal of that stage; 0: none */
	maze_u32 flags;		  /* MAZE_RECORD_* */
	maze_u32 episode;	  /* counts the task's episodes, from 0 */
	maze_u32 not_sent;	  /* enum maze_not_sent; of verdicts only */
	maze_u32 sleeps;	  /* of verdicts: see struct maze_tally */
	char comm[MAZE_COMM_LEN]; /* NUL-terminated; any bytes but NUL */
	maze_u32 share;		  /* of a group: MAZE_SHARE_ONE is one CPU; else 0 */
};
maze_static_assert(sizeof(struct maze_record) == 128,
		   "struct maze_record is shared with the kernel");

/* The totals of one episode. */
struct maze_tally {
	maze_u64 count_ns; /* the maze count: used_ns minus the reduction by sleeps */
	maze_u64 used_ns;  /* CPU time since the episode began */
	union {
		maze_u64 asleep_ns;  /* in sleeps that were not resets; 0 with infinite recovery */
		maze_u64 elapsed_ns; /* of a group: time since the episode began */
	};
	maze_u32 sleeps;  /* number of those sleeps */
	maze_u32 episode; /* number of resets before this episode */
};
maze_static_assert(sizeof(struct maze_tally) == 32, "struct maze_tally is shared with the kernel");

/* Copies the totals of an episode into a record. */
maze_inline void maze_record_tally(struct maze_record *record, const struct maze_tally *tally)
{
	record->count_ns = tally->count_ns;
	record->used_ns = tally->used_ns;
	record->asleep_ns = tally->asleep_ns;
	record->sleeps = tally->sleeps;
	record->episode = tally->episode;
}

/* Returns enum maze_policy_scope. */
maze_inline maze_u32 maze_record_scope(const struct maze_record *record)
{
	return (record->flags & MAZE_RECORD_SCOPE) >> MAZE_RECORD_SCOPE_SHIFT;
}

/* A position in the records, from which a reader can resume. */
struct maze_cursor {
	maze_u64 instance; /* the engine that numbered the records; 0: cannot be resumed */
	maze_u64 next[2];  /* [0]: verdicts and losses, [1]: lifecycle; 0: none read */
};

/* One watched task, as `maze list` shows it. */
struct maze_entry {
	maze_u64 count_ns; /* at the task's last context switch or tick */
	maze_u64 soft_ns;
	maze_u64 hard_ns;
	maze_u64 tag;
	maze_u32 pid;
	maze_u32 tid;
	maze_u32 uid;
	union {
		maze_u32 recovery;
		maze_u32 share; /* of a group */
	};
	maze_u32 flags; /* MAZE_POLICY_* */
	maze_u16 soft_signal;
	maze_u16 hard_signal;
	maze_u32 fired; /* MAZE_FIRED_*: the stages that this episode has reached */
	maze_u32 episode;
	char comm[MAZE_COMM_LEN];
};

/* Only the streaks of the task count. It has no limit, so a list of watches leaves it out. */
maze_inline int maze_is_only_observed(const struct maze_entry *entry)
{
	return !entry->soft_ns && !entry->hard_ns;
}

#define MAZE_GROUP_NAME_LEN 256

/* One watched group. */
struct maze_group {
	struct maze_entry entry; /* count_ns is the level now; as in records, pid can be 0 */
	maze_u64 used_ns;	 /* CPU time since the episode began, or now if the level is 0 */
	maze_u64 elapsed_ns;	 /* time since then */
	maze_u64 cgroup_id;	 /* of scope cgroup: its inode number; else 0 */
	maze_u32 members;	 /* number of processes that run */
	maze_u32 reserved;
	char name[MAZE_GROUP_NAME_LEN]; /* the path of a cgroup, or its end; else the comm */
};
/* What an engine has done since it was loaded. */
struct maze_counts {
	maze_u64 watched; /* tasks watched now */
	maze_u64 verdicts;
	maze_u64 signals;	   /* signals that the kernel accepted */
	maze_u64 inherit_failures; /* children that could not be watched */
	maze_u64 timer_expiries;
};
maze_static_assert(sizeof(struct maze_entry) == 80, "struct maze_entry is shared with the kernel");

#endif
