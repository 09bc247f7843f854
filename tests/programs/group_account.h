/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The account that a test program keeps of its own group: the process and the processes
 * that it starts. A test derives bounds of the level (core/budget.h) from it, whatever the
 * machine did to the program.
 *
 * A point has the CPU time of the group, read between two times. U(begin) - lag <= usage
 * <= U(end), where U(t) is the true usage at t. The points are in order, in memory shared
 * with the test, which survives a SIGKILL.
 */
#ifndef MAZE_TEST_GROUP_ACCOUNT_H
#define MAZE_TEST_GROUP_ACCOUNT_H

#include <limits.h>
#include <stdbool.h>

/* The environment variable with the path of the account. */
#define GROUP_ACCOUNT_FILE "MAZE_TEST_GROUP_ACCOUNT"
/* One point a millisecond for four minutes; most of the file is never touched. */
#define GROUP_POINTS (256 * 1024)
#define GROUP_SHARE_ONE 65536 /* one CPU, as MAZE_SHARE_ONE */

/* The parts of the group, each with usage and lag: the tree has the process in it. */
enum group_part { GROUP_PROCESS, GROUP_TREE, GROUP_PARTS };

struct group_point {
	volatile long long begin_ns; /* CLOCK_MONOTONIC before the usage was read */
	volatile long long end_ns;   /* and after it */
	volatile long long usage_ns[GROUP_PARTS];
	volatile long long lag_ns[GROUP_PARTS];
};

struct group_account {
	volatile long long used;  /* number of points; GROUP_POINTS: later ones are missing */
	volatile long long phase; /* of group_load */
	/* CLOCK_REALTIME before the last point; the program uses some CPU time after it. */
	volatile long long ended_at;
	volatile long long ended_ns; /* of family: CPU time of all that have ended, at least */
	struct group_point points[GROUP_POINTS];
};

typedef __int128 group_wide; /* in 1/65536 ns */

static inline long long group_ns(group_wide value, bool up)
{
	return value <= 0 ? 0
			  : (long long)((value + (up ? GROUP_SHARE_ONE - 1 : 0)) / GROUP_SHARE_ONE);
}

/*
 * The upper bound of the level at the times from `from_ns` to `until_ns`, if the watch
 * began at or after `watched_ns`; 0: the start of the program. LLONG_MAX: the account ends
 * before.
 */
static inline long long group_level_most(const struct group_account *account, enum group_part part,
					 long long share, long long watched_ns, long long from_ns,
					 long long until_ns)
{
	const struct group_point *point = account->points;
	long long count = account->used, at_ns, last_ns = 0, last_usage_ns = 0, i;
	group_wide lowest = 0, x, most = 0;
	bool begun = false;

	if (!count || count == GROUP_POINTS || until_ns > point[count - 1].begin_ns)
		return LLONG_MAX;
	for (i = 0; i < count; i++, point++) {
		/* X is at least this from the end of the last point to that of this one. */
		x = (group_wide)last_usage_ns * GROUP_SHARE_ONE - (group_wide)share * point->end_ns;
		if (point->end_ns >= watched_ns) {
			lowest = begun && lowest < x ? lowest : x;
			begun = true;
		}
		at_ns = last_ns + 1 > from_ns ? last_ns + 1 : from_ns;
		last_ns = point->begin_ns;
		last_usage_ns = point->usage_ns[part];
		if (!begun || at_ns > point->begin_ns || at_ns > until_ns)
			continue;
		x = (group_wide)(point->usage_ns[part] + point->lag_ns[part]) * GROUP_SHARE_ONE -
		    (group_wide)share * at_ns;
		most = x - lowest > most ? x - lowest : most;
	}
	return group_ns(most, true);
}

/*
 * The time when the level was certainly at or above the limit for the first time after
 * `from_ns`, if the watch began at or before `watched_ns`. LLONG_MAX: never.
 */
static inline long long group_reached(const struct group_account *account, enum group_part part,
				      long long share, long long watched_ns, long long from_ns,
				      long long limit_ns)
{
	const struct group_point *point = account->points;
	group_wide lowest = 0, low, high;
	bool begun = false;
	long long i;

	for (i = 0; i < account->used && i < GROUP_POINTS; i++, point++) {
		if (point->begin_ns < watched_ns)
			continue;
		low = (group_wide)point->usage_ns[part] * GROUP_SHARE_ONE -
		      (group_wide)share * point->end_ns;
		high = (group_wide)(point->usage_ns[part] + point->lag_ns[part]) * GROUP_SHARE_ONE -
		       (group_wide)share * point->begin_ns;
		lowest = begun && lowest < high ? lowest : high;
		begun = true;
		if (point->end_ns > from_ns && group_ns(low - lowest, false) >= limit_ns)
			return point->end_ns;
	}
	return LLONG_MAX;
}

/* The usage at the last point, and its lag. 0: no point. */
static inline long long group_usage(const struct group_account *account, enum group_part part,
				    long long *ret_lag_ns)
{
	const struct group_point *last = account->points + account->used - 1;

	*ret_lag_ns = account->used ? last->lag_ns[part] : 0;
	return account->used ? last->usage_ns[part] : 0;
}

#endif
