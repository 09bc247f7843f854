/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gives one process, or one thread of it, the watch that its rule asks for, or takes
 * away the one that no rule asks for any more.
 */
#ifndef MAZE_DAEMON_ASSIGN_H
#define MAZE_DAEMON_ASSIGN_H

#include "cmdlines.h"
#include "../rules/rules.h"

/* What a watch is known to be before; a look that changes nothing then costs no call. */
struct assign_known {
	bool known;
	bool watched; /* for `tag` */
	maze_u64 tag;
};

struct assign {
	struct maze *maze;
	const struct rules *rules;
	bool by_thread; /* the rules tell threads of one process apart */
	struct cmdlines *cmdlines;
};

/* Whether any rule asks for more than all threads. */
bool assign_by_thread(const struct rules *rules);
/*
 * Process `pid`; tid not 0: only this thread of it. 0, also when no rule or an ignoring
 * one applies and nothing was to be done; -ESRCH: it has ended; -EPERM: never watched
 * (init, kernel threads, maze); -EINPROGRESS: it is to be called again when `cmdlines` has
 * the answer; else -errno and a sentence.
 */
int assign_process(const struct assign *assign, pid_t pid, pid_t tid,
		   const struct assign_known *known, struct maze_error *error);
/*
 * Takes away what a rule in shadow has of process `pid`, or of its thread, for a user's
 * own watch to take its place; assign_process() brings it back. Errors as there.
 */
int assign_make_way(const struct assign *assign, pid_t pid, pid_t tid, struct maze_error *error);

#endif
