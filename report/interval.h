/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_REPORT_INTERVAL_H
#define MAZE_REPORT_INTERVAL_H

#include "incident.h"

/*
 * Sets the CPU time between two samples, which the file does not have: the median, because
 * a lost sample makes one interval longer, and a sleep makes one shorter. It is the
 * engine's default if there are fewer than two samples. Returns 0 or -ENOMEM.
 */
int interval_find(const struct incident *incident, long long *ret_ns);

#endif
