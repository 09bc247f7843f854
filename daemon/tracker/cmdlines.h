/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gets command lines (cmdline.h) without blocking the event loop. If a process makes a
 * worker miss the deadline, the command lines of that process's user count as empty for a
 * minute, and for as long as the worker is blocked.
 */
#ifndef MAZE_DAEMON_CMDLINES_H
#define MAZE_DAEMON_CMDLINES_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/subject.h"

struct cmdlines;

/* Calls `on_answer` when the caller has to repeat cmdlines_get() for process `pid`. */
int cmdlines_open(sd_event *event, struct log *log, void (*on_answer)(void *arg, pid_t pid),
		  void *arg, struct cmdlines **ret_cmdlines);
/* Returns 0 and subject->cmdline, which is empty if it is unreadable, or -EINPROGRESS. */
int cmdlines_get(void *cmdlines, const struct subject_source *source, struct subject *subject);
/* Returns the number of pending requests. */
size_t cmdlines_pending(const struct cmdlines *cmdlines);
void cmdlines_close(struct cmdlines *cmdlines);

#endif
