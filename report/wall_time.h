/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times of day as incident files have them: RFC 3339, kept as ns since 1970. Other than
 * lib/record_time.h they need not belong to the boot, nor the machine, that is running.
 */
#ifndef MAZE_REPORT_WALL_TIME_H
#define MAZE_REPORT_WALL_TIME_H

#include <stdbool.h>
#include <stddef.h>

/* "2026-11-24T20:45:12.300Z", any number of digits, also with an offset as +01:00. */
bool wall_time_parse(const char *text, long long *ret_ns);

#define WALL_TIME_LEN 48
/* "2026-11-24 20:45:12.300", in UTC, to `digits` (0 to 9) of a second; returns buf. */
const char *wall_time_format(long long ns, int digits, char buf[WALL_TIME_LEN]);

#endif
