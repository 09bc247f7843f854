/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_DAEMON_PRIVILEGES_H
#define MAZE_DAEMON_PRIVILEGES_H

#include <stdbool.h>

/*
 * Returns whether this process may signal processes of all users, which requires CAP_KILL
 * (capabilities(7)). Without it, mazed watches only processes of its own user.
 */
bool privileges_reach_everybody(void);

#endif
