/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watched processes that still run after the command of maze run has ended. They are
 * reported, because their watches may end with maze, or --stay waits for them.
 */
#ifndef MAZE_CLI_SURVIVORS_H
#define MAZE_CLI_SURVIVORS_H

#include "session.h"

enum survivors_state {
	SURVIVORS_AWAITED,   /* maze run stays until they have ended */
	SURVIVORS_WATCHED,   /* the pinned engine continues to watch them */
	SURVIVORS_UNWATCHED, /* their watches end with this process */
};

/* Prints them and the state of their watches on standard error. Returns their number. */
size_t survivors_report(const struct session *session, enum survivors_state state);
/*
 * Whether a watched process still runs. When the process of *pidfd has ended, *pidfd is
 * replaced by a pidfd of another one. It is -1 if none of the listed processes can be
 * opened; then call again soon.
 */
bool survivors_remain(const struct session *session, int *pidfd);

#endif
