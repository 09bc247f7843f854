/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times of records as text. Records carry CLOCK_BOOTTIME, because BPF programs cannot
 * read CLOCK_REALTIME. So libmaze computes the time of day when it formats a record.
 */
#ifndef MAZE_LIB_RECORD_TIME_H
#define MAZE_LIB_RECORD_TIME_H

#include "../base/rfc3339.h"
#include "maze.h"

/* Writes the time as RFC 3339 in UTC with nanoseconds. Returns buf. */
const char *record_time_format(maze_u64 boot_ns, char buf[RFC3339_LEN]);
/*
 * Returns the boot_ns that record_time_format() shows as this time, in ns since 1970. It may
 * be before this boot.
 */
maze_u64 record_time_of_wall(long long wall_ns);
/* Parses such a time. Returns false if it is malformed, or is before this boot. */
bool record_time_parse(const char *text, maze_u64 *ret_boot_ns);

#define RECORD_ASLEEP_LEN 32
/* Writes the share of the time asleep ("0.4 %", "less than 0.01 %"). Returns buf. */
const char *record_asleep_format(maze_u64 used_ns, maze_u64 asleep_ns, char buf[RECORD_ASLEEP_LEN]);

#endif
