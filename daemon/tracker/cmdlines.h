/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command lines (cmdline.h) without blocking the event loop. After a process has made a
 * worker miss the deadline, its user's command lines count as empty for a minute, and for
 * as long as that worker is blocked.
 */
#ifndef MAZE_DAEMON_CMDLINES_H
#define MAZE_DAEMON_CMDLINES_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/subject.h"

struct cmdlines;

/* `on_answer` is called when cmdlines_get() of that process is to be repeated. */
int cmdlines_open(sd_event *event, struct log *log, void (*on_answer)(void *arg, pid_t pid),
		  void *arg, struct cmdlines **ret_cmdlines);
/* 0: subject->cmdline is set, empty if it could not be read; -EINPROGRESS: requested. */
int cmdlines_get(void *cmdlines, const struct subject_source *source, struct subject *subject);
/* How many requests are pending. */
size_t cmdlines_pending(const struct cmdlines *cmdlines);
void cmdlines_close(struct cmdlines *cmdlines);

#endif
