/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gets command lines (rules/cmdline.h) without blocking the event loop. A worker process
 * reads them. If the read for one process misses the deadline, the command lines of that
 * process's user count as empty. This lasts for a minute, and for as long as the worker
 * is blocked.
 */
#ifndef MAZE_DAEMON_CMDLINES_H
#define MAZE_DAEMON_CMDLINES_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/subject.h"

struct cmdlines;

/* `on_answer` is called when the caller must repeat cmdlines_get() for process `pid`. */
int cmdlines_open(sd_event *event, struct log *log, void (*on_answer)(void *arg, pid_t pid),
		  void *arg, struct cmdlines **ret_cmdlines);
/*
 * Returns 0 and fills subject->cmdline, or returns -EINPROGRESS if the answer comes
 * later. The answer is empty if the command line is unreadable.
 */
int cmdlines_get(void *cmdlines, const struct subject_source *source, struct subject *subject);
/* Returns the number of requests without an answer. */
size_t cmdlines_pending(const struct cmdlines *cmdlines);
void cmdlines_close(struct cmdlines *cmdlines);

#endif
