/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * With `observe = yes`, keeps the streaks that the engine has seen in a file, over restarts
 * (observe/history.h).
 */
#ifndef MAZE_DAEMON_OBSERVER_H
#define MAZE_DAEMON_OBSERVER_H

#include <systemd/sd-event.h>

#include "log/log.h"
#include "rules/rules.h"

struct observer;

/* Returns 0, or -errno and a message. */
int observer_open(sd_event *event, struct maze *maze, struct log *log,
		  struct observer **ret_observer, struct maze_error *error);
/*
 * Begins or ends to observe, as the rules have it. `rules` must stay valid until the next
 * call. Writes the file too.
 */
void observer_use(struct observer *observer, const struct rules *rules);
/* Writes the file for the last time, and waits for the disk. */
void observer_close(struct observer *observer);

#endif
