/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a record happened, and how long its thread slept before, for people. Records carry
 * CLOCK_BOOTTIME, because the kernel side has no wall clock; it becomes one when it is shown.
 */
#ifndef MAZE_LIB_RECORD_TIME_H
#define MAZE_LIB_RECORD_TIME_H

#include "maze.h"

/* "2026-11-23T22:10:05.123456789Z" and the NUL, for years of up to ten digits. */
#define RECORD_TIME_LEN 48

/* RFC 3339 in UTC with nanoseconds; returns buf. */
const char *record_time_format(maze_u64 boot_ns, char buf[RECORD_TIME_LEN]);
/* Enough for what record_asleep_format() writes. */
#define RECORD_ASLEEP_LEN 32
/* The part of the time that it slept: "0.4 %", "less than 0.01 %"; returns buf. */
const char *record_asleep_format(maze_u64 used_ns, maze_u64 asleep_ns, char buf[RECORD_ASLEEP_LEN]);
/* The other way round, to the boot of this machine; false: no such time, or before that. */
bool record_time_parse(const char *text, maze_u64 *ret_boot_ns);

#endif
