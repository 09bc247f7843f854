/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times of records as text. Records carry CLOCK_BOOTTIME, because BPF programs cannot
 * read CLOCK_REALTIME; the time of day is computed when a record is shown.
 */
#ifndef MAZE_LIB_RECORD_TIME_H
#define MAZE_LIB_RECORD_TIME_H

#include "../base/rfc3339.h"
#include "maze.h"

/* RFC 3339 in UTC with nanoseconds; returns buf. */
const char *record_time_format(maze_u64 boot_ns, char buf[RFC3339_LEN]);
/* The inverse, for this boot; false: malformed, or before this boot. */
bool record_time_parse(const char *text, maze_u64 *ret_boot_ns);

#define RECORD_ASLEEP_LEN 32
/* The share of time asleep: "0.4 %", "less than 0.01 %"; returns buf. */
const char *record_asleep_format(maze_u64 used_ns, maze_u64 asleep_ns, char buf[RECORD_ASLEEP_LEN]);

#endif
