/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_DAEMON_COVERAGE_H
#define MAZE_DAEMON_COVERAGE_H

#include "log/log.h"

/*
 * Announces (log.h) after a scan how many rules are in force and how many processes they
 * watch, and if there are none, why. `config` is the path of maze.conf(5).
 */
void report_coverage(struct maze *maze, const struct rules *rules, const char *config,
		     struct log *log);

#endif
