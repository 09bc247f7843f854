/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's process connector (linux/cn_proc.h) reports forks, execs and other process
 * events. Root may use it. From Linux 6.6 on, all users in the initial namespaces may use
 * it.
 */
#ifndef MAZE_ENGINE_PROCESS_CONNECTOR_H
#define MAZE_ENGINE_PROCESS_CONNECTOR_H

#include <linux/cn_proc.h>
#include <stdbool.h>

/*
 * Opens a socket that receives events of these kinds (PROC_EVENT_*, or'ed) from now on.
 * Returns a descriptor, which the caller closes, or -errno. -EPERM means that this
 * namespace or this user may not use the connector.
 */
int process_connector_open(unsigned int kinds);
/*
 * Returns 1 and an event, 0 if there is none now, or -ENOBUFS if events were lost. After
 * -ENOBUFS the caller calls again, because events may follow. Never waits. After a loss,
 * the kernel queues no events until the queue is empty. Only then does this function
 * report the loss, so a full scan of /proc after the report misses no process. *lost is
 * private to this function. The caller sets it to false before the first call.
 */
int process_connector_next(int fd, bool *lost, struct proc_event *ret_event);

#endif
