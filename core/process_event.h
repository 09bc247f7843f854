/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process event reports a change of a process. After such a change, the rules that
 * select processes must be applied to the process again. The event is only a hint to
 * examine the process. Before it is read, the process may change again or end, and
 * another process may get its PID.
 */
#ifndef MAZE_CORE_PROCESS_EVENT_H
#define MAZE_CORE_PROCESS_EVENT_H

#include "types.h"

enum maze_process_event_kind {
	MAZE_PROCESS_FORK = 1, /* a process or thread has begun */
	MAZE_PROCESS_EXEC,     /* it runs another program, or its user or group IDs changed */
	MAZE_PROCESS_MOVE,     /* it has moved to another control group (version 2) */
	MAZE_PROCESS_NAME,     /* a thread has changed its name */
	MAZE_PROCESS_LOST,     /* `lost` events are missing: examine all processes */
};

/*
 * Flags that request more events. Without them, only execs, moves and some new processes
 * are reported. A new process is then reported if it is not watched, if it starts in
 * another control group than its parent, or if a thread other than the main thread forked
 * it.
 */
#define MAZE_FOLLOW_ALL_FORKS (1U << 0)	   /* all forks of processes */
#define MAZE_FOLLOW_THREADS (1U << 1)	   /* all threads that a main thread creates */
#define MAZE_FOLLOW_NAMES (1U << 2)	   /* main threads that change their name */
#define MAZE_FOLLOW_THREAD_NAMES (1U << 3) /* all threads that change their name */

enum maze_process_watched {
	MAZE_PROCESS_WATCHED_UNKNOWN = 0, /* the source of the event does not know */
	MAZE_PROCESS_UNWATCHED,
	MAZE_PROCESS_WATCHED, /* with tag `tag` */
};

struct maze_process_event {
	maze_u32 kind; /* enum maze_process_event_kind */
	maze_u32 pid;  /* thread group id, in the pid namespace of the engine's owner */
	maze_u32 tid;
	maze_u32 watched; /* enum maze_process_watched of task `tid` at the event */
	maze_u64 tag;
	maze_u64 lost; /* LOST: number of events */
};
maze_static_assert(sizeof(struct maze_process_event) == 32,
		   "struct maze_process_event is shared with the kernel");

#endif
