/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Computes the interval between checks of the poll engine from the limit and from the CPU
 * use of the engine. If checks cost more than PACE_SHARE, a factor named stretch makes
 * the interval longer.
 *
 * A wakeup with a check costs about 60 us of CPU time in a virtual machine, so PACE_SHARE
 * allows about 130 wakeups per second.
 */
#ifndef MAZE_POLL_PACE_H
#define MAZE_POLL_PACE_H

#include "../../core/types.h"

/*
 * On an idle machine, a verdict is late by at most 1/PACE_LATE_FRACTION of the limit, and
 * by at most PACE_LATE_MAX_NS.
 */
#define PACE_LATE_MAX_NS (10 * MAZE_NSEC_PER_MSEC)
#define PACE_LATE_FRACTION 10
/*
 * The interval between checks, in percent of this maximum lateness. The rest is for the
 * last check, which happens at a tick, up to 4 ms after the limit. A CPU-time timer also
 * fires at a tick, so its percentage is smaller than that of checks by wall time.
 */
#define PACE_CLOCK_PERCENT 60
#define PACE_TIMER_PERCENT 35
/* Most kernels update the runtime every 4 ms, so shorter intervals read no new value. */
#define PACE_STEP_MIN_NS (2 * MAZE_NSEC_PER_MSEC)

/* The stretch is in sixteenths, so PACE_STRETCH_ONE does not change the interval. */
#define PACE_STRETCH_ONE 16U
#define PACE_STRETCH_MAX (64 * PACE_STRETCH_ONE)
/* Target of the CPU use of the engine, in 1/100,000. The documented maximum is 1 %. */
#define PACE_SHARE 800U
/* The stretch changes once in this period. */
#define PACE_PERIOD_NS (250 * MAZE_NSEC_PER_MSEC)

maze_inline maze_u64 pace_late_ns(maze_u64 limit_ns)
{
	maze_u64 late_ns = limit_ns / PACE_LATE_FRACTION;

	return late_ns < PACE_LATE_MAX_NS ? late_ns : PACE_LATE_MAX_NS;
}

/*
 * Returns the interval between checks. It grows with the cube of the stretch until it is
 * a tenth of the limit, then linearly. So checks for limits of seconds become rare before
 * those for limits of 100 ms.
 */
maze_inline maze_u64 pace_step_ns(maze_u64 limit_ns, maze_u64 percent, maze_u64 stretch)
{
	maze_u64 one = PACE_STRETCH_ONE;
	maze_u64 base_ns = pace_late_ns(limit_ns) * percent / 100, step_ns, loose_ns;
	maze_u64 tenth_ns = limit_ns / PACE_LATE_FRACTION * percent / 100;

	if (base_ns < PACE_STEP_MIN_NS)
		base_ns = PACE_STEP_MIN_NS;
	step_ns = base_ns * stretch / one;
	loose_ns = base_ns * stretch / one * stretch / one * stretch / one;
	if (loose_ns > tenth_ns)
		loose_ns = tenth_ns;
	return loose_ns > step_ns ? loose_ns : step_ns;
}

/*
 * Returns the new stretch. It is the mean of the old stretch and of the value that would
 * cost PACE_SHARE if the cost were linear. The cost depends on the cube of the stretch,
 * so the value itself would change the cost too much. The new stretch is between half and
 * twice the old one. Each further period without a check halves it again.
 */
maze_inline maze_u32 pace_stretch(maze_u32 stretch, maze_u64 share, maze_u64 periods)
{
	maze_u64 aim = (stretch * share + PACE_SHARE - 1) / PACE_SHARE;
	maze_u64 next = aim > 3ULL * stretch ? 2ULL * stretch : (stretch + aim + 1) / 2;

	if (periods > 1)
		next >>= periods < 10 ? periods - 1 : 10;
	if (next < PACE_STRETCH_ONE)
		return PACE_STRETCH_ONE;
	return next < PACE_STRETCH_MAX ? (maze_u32)next : PACE_STRETCH_MAX;
}

#endif
