/* SPDX-License-Identifier: GPL-2.0-only */
/* The control socket serves its requests with these parts of mazed. */
#ifndef MAZE_DAEMON_CONTROL_HOST_H
#define MAZE_DAEMON_CONTROL_HOST_H

#include <systemd/sd-event.h>

#include "../actions/actions.h"
#include "../tracker/tracker.h"
#include "../log/log.h"
#include "../rules/rules.h"

struct control_host {
	sd_event *event;
	struct maze *maze;
	struct log *log;
	struct actions *actions;
	struct tracker *tracker;
	const struct rules *rules; /* in force */
	/* Reloads the rules, as SIGHUP does. May replace `rules`. */
	int (*reload)(void *arg, struct maze_error *error);
	void *arg;
};

#endif
