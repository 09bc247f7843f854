/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command lines (cmdline.h) in an event loop, without waiting. A user whose process has made
 * a worker miss the deadline has empty command lines for a minute, and for as long as that
 * worker has not ended.
 */
#ifndef MAZE_DAEMON_CMDLINES_H
#define MAZE_DAEMON_CMDLINES_H

#include <systemd/sd-event.h>

#include "../log/log.h"
#include "../rules/subject.h"

struct cmdlines;

/* `answered` is called when cmdlines_get() of that process is to be called again. */
int cmdlines_open(sd_event *event, struct log *log, void (*answered)(void *arg, pid_t pid),
		  void *arg, struct cmdlines **ret_cmdlines);
/* 0: it is in subject->cmdline, empty if it could not be read; -EINPROGRESS: asked for. */
int cmdlines_get(void *cmdlines, const struct subject_source *source, struct subject *subject);
/* How many processes are asked about. */
size_t cmdlines_pending(const struct cmdlines *cmdlines);
void cmdlines_close(struct cmdlines *cmdlines);

#endif
