/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes of a session that still run when the command of maze run has ended: named, so
 * that their watch does not end in silence, or waited for.
 */
#ifndef MAZE_CLI_SURVIVORS_H
#define MAZE_CLI_SURVIVORS_H

#include "session.h"

enum survivors_fate {
	SURVIVORS_HELD,	 /* maze run stays until they have ended */
	SURVIVORS_LEFT,	 /* watched on by a pinned engine */
	SURVIVORS_FREED, /* their watches end with this process */
};

/* Names them on standard error, and what becomes of their watches; how many they are. */
size_t survivors_report(const struct session *session, enum survivors_fate fate);
/*
 * Whether a watched process still runs. *pidfd is replaced by the pidfd of one that does
 * once it polls readable; -1: one is listed that cannot be opened, so call again soon.
 */
bool survivors_remain(const struct session *session, int *pidfd);

#endif
