/* SPDX-License-Identifier: GPL-2.0-only */
/* The metrics of mazed. A new metric is one function and one row of the table. */
#ifndef MAZE_DAEMON_METRICS_H
#define MAZE_DAEMON_METRICS_H

#include <stdio.h>

#include "../rules/conf.h"
#include "control_host.h"

struct metrics_row {
	char label[2 * CONF_NAME_MAX + 1]; /* the name of the rule, escaped */
	struct rule_counters *counters;
	const struct rule *rule; /* NULL: not a rule of maze.conf */
	bool tripped;
};

struct metrics {
	const struct control_host *host;
	FILE *out;
	const struct metric *metric; /* in progress */
	struct metrics_row *rows;
	size_t count;
};

struct metric {
	const char *name; /* of its samples; a histogram adds a suffix */
	const char *type; /* of OpenMetrics */
	const char *unit; /* the last word of the name before _total, or "" */
	const char *labels;
	const char *help; /* without a full stop */
	bool readers;	  /* only for root and the group `readers` */
	void (*write)(struct metrics *metrics);
};
/* Returns a row of the table, or NULL behind the last one. */
const struct metric *metric_at(size_t index);

#endif
