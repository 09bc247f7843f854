/* SPDX-License-Identifier: GPL-2.0-only */
#include "record_time.h"

#include <stdint.h>
#include <stdio.h>

#include "../base/clock.h"

/*
 * The two clocks are read some ns apart, so their difference varies. Changes below this
 * value are ignored, so that a record is always shown with the same time.
 */
#define JITTER_NS 1000000

/* The fastest of 16 readings is used, because a preemption makes a reading wrong. */
#define READINGS_MAX 16

static long long read_difference(void)
{
	long long before, wall, span, least = INT64_MAX, best = 0;
	int i;

	for (i = 0; i < READINGS_MAX && least > JITTER_NS / 2; i++) {
		before = (long long)now_ns(CLOCK_BOOTTIME);
		wall = (long long)now_ns(CLOCK_REALTIME);
		span = (long long)now_ns(CLOCK_BOOTTIME) - before;
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

	if (now - kept > JITTER_NS || kept - now > JITTER_NS)
		kept = now;
	return kept;
}

const char *record_time_format(maze_u64 boot_ns, char buf[RFC3339_LEN])
{
	long long wall_ns;

	if (__builtin_add_overflow((long long)boot_ns, wall_minus_boot_ns(), &wall_ns))
		wall_ns = 0;
	return rfc3339_format(wall_ns, buf);
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

maze_u64 record_time_of_wall(long long wall_ns)
{
	return (maze_u64)wall_ns - (maze_u64)wall_minus_boot_ns();
}

bool record_time_parse(const char *text, maze_u64 *ret_boot_ns)
{
	long long wall_ns;

	if (!rfc3339_parse(text, &wall_ns) || wall_ns < wall_minus_boot_ns())
		return false;
	*ret_boot_ns = record_time_of_wall(wall_ns);
	return true;
}
