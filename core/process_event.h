/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens to processes, for who decides by what they are which of them are
 * watched. An event is a hint to look at a process again and no more: when it is read
 * the process may have changed again, or ended, and its number have come to another.
 */
#ifndef MAZE_CORE_PROCESS_EVENT_H
#define MAZE_CORE_PROCESS_EVENT_H

#include "types.h"

enum maze_process_event_kind {
	MAZE_PROCESS_FORK = 1, /* a process, or a thread of one, has begun */
	MAZE_PROCESS_EXEC,     /* it runs another program; its ids may be others, too */
	MAZE_PROCESS_MOVE,     /* it is in another control group of version 2 */
	MAZE_PROCESS_NAME,     /* a thread has given itself another name */
	MAZE_PROCESS_LOST,     /* `lost` events: look at everything */
};

/*
 * What else is to be told. Execs and moves always are; and forks of which the child
 * begins unwatched, or in another control group than its parent, or was not made by its
 * parent's main thread.
 */
#define MAZE_FOLLOW_ALL_FORKS (1U << 0)	   /* all children */
#define MAZE_FOLLOW_THREADS (1U << 1)	   /* threads that a main thread has made, also watched */
#define MAZE_FOLLOW_NAMES (1U << 2)	   /* main threads that give themselves another name */
#define MAZE_FOLLOW_THREAD_NAMES (1U << 3) /* all threads that do */

enum maze_process_watched {
	MAZE_PROCESS_WATCHED_UNKNOWN = 0, /* the engine cannot tell from where it stands */
	MAZE_PROCESS_UNWATCHED,
	MAZE_PROCESS_WATCHED, /* for `tag` */
};

struct maze_process_event {
	maze_u32 kind; /* enum maze_process_event_kind */
	maze_u32 pid;  /* thread group id, in the pid namespace of the engine's owner */
	maze_u32 tid;
	maze_u32 watched; /* enum maze_process_watched: task `tid`, when it happened */
	maze_u64 tag;
	maze_u64 lost;
};
_Static_assert(sizeof(struct maze_process_event) == 32,
	       "struct maze_process_event is shared with the kernel");

#endif
