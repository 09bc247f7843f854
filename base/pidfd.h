/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_BASE_PIDFD_H
#define MAZE_BASE_PIDFD_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether all threads of the process have ended. The process may still be a zombie. */
bool pidfd_has_ended(int pidfd);
/* Whether the process is gone, so that its PID can be reused. A zombie is not. */
bool pidfd_is_reaped(int pidfd);
/* Returns the PID in the caller's PID namespace; 0: it has none there, or is reaped. */
pid_t pidfd_pid(int pidfd);

#endif
