/* SPDX-License-Identifier: GPL-2.0-only */
/* Parses a point in time as a person writes it, for options such as --since. */
#ifndef MAZE_LIB_TIME_SPEC_H
#define MAZE_LIB_TIME_SPEC_H

#include "maze.h"

/*
 * Parses a time of CLOCK_REALTIME, in ns since 1970. The forms, of which those of
 * systemd.time(7) have its meaning:
 *
 *   now, today, yesterday                  "today" is midnight
 *   -1h, "1h 30min ago"                    a duration before `now_ns`
 *   "2026-11-24 20:45:12", with parts missing from the end; 20:45 is today
 *   @1764000000                            seconds since 1970
 *   2026-11-24T20:45:12.3Z                 RFC 3339, with Z or an offset
 *
 * Times without an offset are of the local time zone (tzset(3)), with its daylight saving
 * time. An hour that the change of the clock skips is an hour later. -EINVAL: malformed.
 * -ERANGE: outside of the years 1970 to 2262.
 */
int time_spec_parse(const char *text, long long now_ns, long long *ret_ns,
		    struct maze_error *error);

#endif
