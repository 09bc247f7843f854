/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a record happened, for people; see record_time.h.
 */
#include "record_time.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Of these the one that was read within the shortest time: a thread may be preempted. */
#define READINGS_MAX 16

static long long read_difference(void)
{
	long long before, wall, span, least = INT64_MAX, best = 0;
	int i;

	for (i = 0; i < READINGS_MAX && least > WAVER_NS / 2; i++) {
		before = clock_ns(CLOCK_BOOTTIME);
		wall = clock_ns(CLOCK_REALTIME);
		span = clock_ns(CLOCK_BOOTTIME) - before;
		if (span >= least)
			continue;
		least = span;
		best = wall - before;
	}
	return best;
}

static long long wall_minus_boot_ns(void)
{
	static _Thread_local long long kept;
	long long now = read_difference();

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

const char *record_asleep_format(maze_u64 used_ns, maze_u64 asleep_ns, char buf[RECORD_ASLEEP_LEN])
{
	double percent = 100 * (double)asleep_ns / ((double)asleep_ns + (double)used_ns + 1);

	if (percent < 0.01)
		snprintf(buf, RECORD_ASLEEP_LEN, "less than 0.01 %%");
	else
		snprintf(buf, RECORD_ASLEEP_LEN, "%.2g %%", percent);
	return buf;
}

bool record_time_parse(const char *text, maze_u64 *ret_boot_ns)
{
	char fraction[10] = "";
	long long wall_ns;
	struct tm utc = { 0 };
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
	time_t seconds;

	if (!at || strlen(at) != strlen(".123456789Z") || at[0] != '.' || at[10] != 'Z')
		return false;
	memcpy(fraction, at + 1, 9);
	if (strspn(fraction, "0123456789") != 9)
		return false;
	seconds = timegm(&utc);
	if (seconds < 0 || seconds > INT64_MAX / (long long)MAZE_NSEC_PER_SEC - 1)
		return false;
	wall_ns = (long long)seconds * (long long)MAZE_NSEC_PER_SEC + strtoll(fraction, NULL, 10);
	if (wall_ns < wall_minus_boot_ns())
		return false;
	*ret_boot_ns = (maze_u64)(wall_ns - wall_minus_boot_ns());
	return true;
}
