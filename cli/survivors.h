/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Survivors are watched processes that still run after the command of maze run has ended.
 * maze reports them, because their watches may end with maze, or because --stay waits for
 * them. With scope tree, they are the members of the tree, and maze waits for them
 * without --stay too.
 */
#ifndef MAZE_CLI_SURVIVORS_H
#define MAZE_CLI_SURVIVORS_H

#include "session.h"

enum survivors_state {
	SURVIVORS_AWAITED,   /* maze run stays until they have ended */
	SURVIVORS_WATCHED,   /* the pinned engine continues to watch them */
	SURVIVORS_UNWATCHED, /* their watches end with this process */
};

/*
 * Prints the survivors and the state of their watches on standard error. Returns their
 * number.
 */
size_t survivors_report(const struct session *session, enum survivors_state state);
/*
 * Returns true if a watched process still runs. If the process of *pidfd has ended,
 * *pidfd becomes the pidfd of another watched process. If none of them can be opened,
 * *pidfd is -1, and the caller calls again soon. Of a tree, it is always -1, and the
 * record of its end is readable.
 */
bool survivors_remain(const struct session *session, int *pidfd);

#endif
