/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often the poll engine looks: pure functions of a limit and of what the engine has
 * used. The stretch makes looks rarer where they cost more than the engine allows itself.
 *
 * A wakeup and the look that follows cost some 60 us of CPU time in a virtual machine,
 * so that PACE_SHARE pays for some 130 of them a second.
 */
#ifndef MAZE_POLL_PACE_H
#define MAZE_POLL_PACE_H

#include "../../core/types.h"

/* A verdict is to come at most this late on an idle machine, or a tenth of the limit. */
#define PACE_LATE_MAX_NS (10 * MAZE_NSEC_PER_MSEC)
#define PACE_LATE_FRACTION 10
/*
 * What of that lies between two looks. The rest is for the last look, which comes at a
 * tick, up to 4 ms after the limit. A CPU timer fires at a tick, too, so that less is
 * left for it than for a clock on the wall.
 */
#define PACE_CLOCK_PERCENT 60
#define PACE_TIMER_PERCENT 35
/* Runtime is booked at ticks, of 4 ms on most kernels: looks much denser read nothing new. */
#define PACE_STEP_MIN_NS (2 * MAZE_NSEC_PER_MSEC)

/* In sixteenths. */
#define PACE_STRETCH_ONE 16U
#define PACE_STRETCH_MAX (64 * PACE_STRETCH_ONE)
/* Own use of CPU in 1/100,000ths: what the stretch aims at, below the 1 % that is promised. */
#define PACE_SHARE 800U
#define PACE_PERIOD_NS (250 * MAZE_NSEC_PER_MSEC)

maze_inline maze_u64 pace_late_ns(maze_u64 limit_ns)
{
	maze_u64 late_ns = limit_ns / PACE_LATE_FRACTION;

	return late_ns < PACE_LATE_MAX_NS ? late_ns : PACE_LATE_MAX_NS;
}

/*
 * Up to a tenth of a limit, the stretch counts three times (its cube): so limits of
 * seconds are looked after less closely before limits of 100 ms are.
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
 * Half the way to the stretch that would have cost PACE_SHARE, because the cube answers a
 * step of the stretch by three of the cost; doubled or halved at most. Each further period
 * that has passed was one without a look, and halves it.
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
