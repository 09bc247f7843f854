/* SPDX-License-Identifier: GPL-2.0-only */
/* Converts times of CLOCK_REALTIME, in ns since 1970, to text and back. */
#ifndef MAZE_BASE_RFC3339_H
#define MAZE_BASE_RFC3339_H

#include <stdbool.h>

/* Room for "2026-11-23T22:10:05.123456789Z" and its NUL, with a ten-digit year. */
#define RFC3339_LEN 48

/*
 * Writes a time in UTC with nine decimals. A time before 1970 becomes 1970-01-01. Returns
 * buf.
 */
const char *rfc3339_format(long long ns, char buf[RFC3339_LEN]);
/*
 * Parses a time such as "2026-11-24T20:45:12.300Z", with any number of decimals, and with
 * Z or an offset such as +01:00. False: malformed, or outside of the years 1970 to 2262.
 */
bool rfc3339_parse(const char *text, long long *ret_ns);

#define UTC_LEN 48
/* Writes a time such as "2026-11-24 20:45:12.300", with 0 to 9 decimals. Returns buf. */
const char *utc_format(long long ns, int digits, char buf[UTC_LEN]);
/* The same in the local time zone. */
const char *local_time_format(long long ns, int digits, char buf[UTC_LEN]);

#endif
