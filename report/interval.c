/* SPDX-License-Identifier: GPL-2.0-only */
#include "interval.h"

#include <errno.h>
#include <stdlib.h>

#include "../core/stack.h"

static int compare(const void *left, const void *right)
{
	long long a = *(const long long *)left, b = *(const long long *)right;

	return (a > b) - (a < b);
}

int interval_find(const struct incident *incident, long long *ret_ns)
{
	long long of_group = incident->group ? incident->group->interval_ns : INCIDENT_UNKNOWN;
	long long *intervals = calloc(incident->samples_count + 1, sizeof(*intervals));
	const struct incident_sample *sample;
	size_t i, n = 0;

	if (!intervals)
		return -ENOMEM;
	for (i = 1; i < incident->samples_count; i++) {
		sample = &incident->samples[i];
		if (sample[-1].count_ns >= 0 && sample->count_ns > sample[-1].count_ns)
			intervals[n++] = sample->count_ns - sample[-1].count_ns;
	}
	qsort(intervals, n, sizeof(*intervals), compare);
	/* The samples of a group are of several threads, and have no count. */
	if (of_group > 0 && of_group <= (long long)MAZE_NSEC_PER_SEC)
		intervals[n++] = of_group;
	*ret_ns = n ? intervals[n / 2] : (long long)MAZE_STACK_INTERVAL_DEFAULT_NS;
	free(intervals);
	return 0;
}
