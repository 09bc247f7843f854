/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's process connector (linux/cn_proc.h): reports forks, execs and other
 * process events. For root and, from Linux 6.6, for all users in the initial namespaces.
 */
#ifndef MAZE_ENGINE_PROCESS_CONNECTOR_H
#define MAZE_ENGINE_PROCESS_CONNECTOR_H

#include <linux/cn_proc.h>
#include <stdbool.h>

/*
 * Opens a socket that receives events of these kinds (PROC_EVENT_*, or'ed) from now on. A
 * descriptor to close, or -errno. -EPERM: not in this namespace, or not for this user.
 */
int process_connector_open(unsigned int kinds);
/*
 * 1 and an event; 0: none now; -ENOBUFS: events were lost, call again. Never waits. After
 * a loss, the kernel queues no events until the queue is empty. Only then the loss is
 * reported, so a full scan after the report misses no process. *lost is private to this
 * function; it is false at first.
 */
int process_connector_next(int fd, bool *lost, struct proc_event *ret_event);

#endif
