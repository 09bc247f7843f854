/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interval between checks of the poll engine: pure functions of the limit and of the
 * engine's CPU use. The stretch makes the interval longer when checks exceed PACE_SHARE.
 *
 * A wakeup with a check costs about 60 us of CPU time in a virtual machine, so PACE_SHARE
 * allows about 130 per second.
 */
#ifndef MAZE_POLL_PACE_H
#define MAZE_POLL_PACE_H

#include "../../core/types.h"

/* A verdict is late by at most this, or a tenth of the limit, on an idle machine. */
#define PACE_LATE_MAX_NS (10 * MAZE_NSEC_PER_MSEC)
#define PACE_LATE_FRACTION 10
/*
 * The part of this lateness between two checks, in percent. The last check uses the rest:
 * it happens at a tick, up to 4 ms after the limit. A CPU-time timer also fires at a
 * tick, so its part is smaller than with wall time.
 */
#define PACE_CLOCK_PERCENT 60
#define PACE_TIMER_PERCENT 35
/*
 * Most kernels update the runtime at ticks of 4 ms, so a shorter interval reads no new
 * value.
 */
#define PACE_STEP_MIN_NS (2 * MAZE_NSEC_PER_MSEC)

/* In sixteenths. */
#define PACE_STRETCH_ONE 16U
#define PACE_STRETCH_MAX (64 * PACE_STRETCH_ONE)
/* Target of the engine's own CPU use, in 1/100,000: below the documented maximum of 1 %. */
#define PACE_SHARE 800U
#define PACE_PERIOD_NS (250 * MAZE_NSEC_PER_MSEC)

maze_inline maze_u64 pace_late_ns(maze_u64 limit_ns)
{
	maze_u64 late_ns = limit_ns / PACE_LATE_FRACTION;

	return late_ns < PACE_LATE_MAX_NS ? late_ns : PACE_LATE_MAX_NS;
}

/*
 * Up to a tenth of the limit, the interval grows with the cube of the stretch: so checks for
 * limits of seconds become rare before checks for limits of 100 ms do.
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
 * Moves the stretch half the way to the value that would have cost PACE_SHARE, because the
 * cost follows the cube of the stretch; at most doubles or halves it. Each further period
 * without a check halves it again.
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
