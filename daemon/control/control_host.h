/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of mazed that the control socket needs to serve its requests. */
#ifndef MAZE_DAEMON_CONTROL_HOST_H
#define MAZE_DAEMON_CONTROL_HOST_H

#include <systemd/sd-event.h>

#include "../actions/actions.h"
#include "../tracker/tracker.h"
#include "../log/log.h"
#include "../tracker/rule_states.h"
#include "../rules/rules.h"
#include "counters.h"

struct control_host {
	sd_event *event;
	struct maze *maze;
	struct log *log;
	struct actions *actions;
	struct tracker *tracker;
	struct rule_states *rule_states;
	const struct incident_totals *incidents;
	struct counters *counters;
	const char *config;	   /* the path of the configuration */
	const struct rules *rules; /* in force */
	/* Reloads the rules, as mazed does at SIGHUP. This can replace `rules`. */
	int (*reload)(void *arg, struct maze_error *error);
	/* Applies the rules in force to all processes, after a change of their modes. */
	int (*apply)(void *arg, struct maze_error *error);
	void *arg;
};

#endif
