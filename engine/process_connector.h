/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's process connector (linux/cn_proc.h): tells of forks, execs and more as
 * they happen. Open to root and, from Linux 6.6, to everybody in the initial namespaces.
 */
#ifndef MAZE_ENGINE_PROCESS_CONNECTOR_H
#define MAZE_ENGINE_PROCESS_CONNECTOR_H

#include <linux/cn_proc.h>
#include <stdbool.h>

/*
 * A socket that tells of these kinds (PROC_EVENT_*, or'ed) from now on; polls readable.
 * -EPERM: not here, or not to this user.
 */
int process_connector_open(unsigned int kinds);
/*
 * 1 and an event; 0: none now; -ENOBUFS: some were lost, go on. Never waits. After a loss
 * the kernel queues nothing until the queue has been read to its end, so the loss is
 * reported only then: a full scan at that moment misses no process. *lost, initially false,
 * belongs to this function between calls.
 */
int process_connector_next(int fd, bool *lost, struct proc_event *ret_event);

#endif
