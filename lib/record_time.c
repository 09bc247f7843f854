/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a record happened, for people; see record_time.h.
 */
#include "record_time.h"

#include <stdio.h>
#include <time.h>

static long long clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (long long)now.tv_sec * (long long)MAZE_NSEC_PER_SEC + now.tv_nsec;
}

/*
 * The two clocks are read one after the other, so their difference wavers by some
 * ns; one record must have one time, so a waver is not followed, a set clock is.
 */
#define WAVER_NS 1000000

static long long wall_minus_boot_ns(void)
{
	static _Thread_local long long kept;
	long long now = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);

	if (now - kept > WAVER_NS || kept - now > WAVER_NS)
		kept = now;
	return kept;
}

const char *record_time_format(maze_u64 boot_ns, char buf[RECORD_TIME_LEN])
{
	long long wall_ns;
	time_t seconds;
	struct tm utc;
	size_t n;

	/* A time of no sane clock is shown as the beginning of all times. */
	if (__builtin_add_overflow((long long)boot_ns, wall_minus_boot_ns(), &wall_ns) ||
	    wall_ns < 0)
		wall_ns = 0;
	seconds = (time_t)(wall_ns / (long long)MAZE_NSEC_PER_SEC);
	if (!gmtime_r(&seconds, &utc))
		gmtime_r(&(time_t){ 0 }, &utc);
	n = strftime(buf, RECORD_TIME_LEN, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(buf + n, RECORD_TIME_LEN - n, ".%09lldZ", wall_ns % (long long)MAZE_NSEC_PER_SEC);
	return buf;
}
