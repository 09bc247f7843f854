/* SPDX-License-Identifier: GPL-2.0-only */
/* What a pidfd tells about its process. */
#ifndef MAZE_BASE_PIDFD_H
#define MAZE_BASE_PIDFD_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the last thread of the process has ended, also before it is reaped. */
bool pidfd_has_ended(int pidfd);
/* The PID in this process's PID namespace; 0: it was reaped, or is in another namespace. */
pid_t pidfd_pid(int pidfd);

#endif
