/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether mazed may do what it is there for. */
#ifndef MAZE_DAEMON_PRIVILEGES_H
#define MAZE_DAEMON_PRIVILEGES_H

#include <stdbool.h>

/*
 * Whether this process may signal those of all users (CAP_KILL is effective, see
 * capabilities(7)); else it watches those of its own user only.
 */
bool privileges_reach_everybody(void);

#endif
