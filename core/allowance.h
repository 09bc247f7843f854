/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An allowance limits how many hard verdicts of watches with one tag are enforced: at
 * most `max` in any time of window_ns. The next one trips it. From then on, all verdicts
 * of this tag are treated as in shadow, until the allowance is set anew. The engine
 * decides that at the verdict, so the limit is exact also if many threads reach their
 * limits at once, and holds while no other program runs.
 */
#ifndef MAZE_CORE_ALLOWANCE_H
#define MAZE_CORE_ALLOWANCE_H

#include "policy.h"

/* The kernel has its own. Its callers include linux/atomic.h. */
#ifdef __KERNEL__
#define maze_compare_and_swap cmpxchg64
#else
#define maze_compare_and_swap __sync_val_compare_and_swap
#endif

/* The largest `max`. A kernel looks through so many times at a verdict. */
#define MAZE_ALLOWANCE_MAX 64U
/* The largest number of allowances of an engine, which is that of rules. */
#define MAZE_ALLOWANCES_MAX 4096U

struct maze_allowance {
	maze_u64 window_ns; /* MAZE_LIMIT_MIN_NS..MAZE_LIMIT_MAX_NS */
	maze_u32 max;	    /* 1..MAZE_ALLOWANCE_MAX */
	maze_u32 tripped;   /* 1: all verdicts are treated as in shadow */
	/* CLOCK_BOOTTIME of the hard verdicts that were enforced; 0: none. In no order. */
	maze_u64 taken_ns[MAZE_ALLOWANCE_MAX];
};
maze_static_assert(sizeof(struct maze_allowance) == 16 + 8 * MAZE_ALLOWANCE_MAX,
		   "struct maze_allowance is shared with the kernel");

/* Returns 1 if the members that a caller sets are in their ranges. */
maze_inline int maze_allowance_valid(const struct maze_allowance *allowance)
{
	return allowance->max && allowance->max <= MAZE_ALLOWANCE_MAX && allowance->tripped <= 1 &&
	       allowance->window_ns && maze_limit_in_range(allowance->window_ns);
}

/*
 * Returns 1 if `now` must keep its state when `next` is set: the limits are the same, and
 * `next` does not trip it.
 */
maze_inline int maze_allowance_stays(const struct maze_allowance *now,
				     const struct maze_allowance *next)
{
	return now->window_ns == next->window_ns && now->max == next->max && !next->tripped;
}

/*
 * Takes one enforced hard verdict at now_ns (CLOCK_BOOTTIME), and returns 1. Returns 0 if
 * `max` were enforced within the window, and trips. Each entry of taken_ns serves one
 * verdict in a window. Other CPUs may call it at the same time.
 */
maze_inline int maze_allowance_take(struct maze_allowance *allowance, maze_u64 now_ns)
{
	maze_u64 taken_ns;
	maze_u32 i;

	for (i = 0; i < MAZE_ALLOWANCE_MAX && i < allowance->max; i++) {
		taken_ns = allowance->taken_ns[i];
		if (taken_ns && taken_ns + allowance->window_ns > now_ns)
			continue;
		if (maze_compare_and_swap(&allowance->taken_ns[i], taken_ns, now_ns) == taken_ns)
			return 1;
	}
	allowance->tripped = 1;
	return 0;
}

/*
 * Returns 1 if a verdict under this policy is enforced, and 0 if it is treated as in
 * shadow. Called once for each verdict. allowance NULL: the tag has none.
 */
maze_inline int maze_allowance_permits(struct maze_allowance *allowance,
				       const struct maze_policy *policy, int hard, maze_u64 now_ns)
{
	if (!allowance || (policy->flags & MAZE_POLICY_SHADOW))
		return 1;
	if (allowance->tripped)
		return 0;
	return hard ? maze_allowance_take(allowance, now_ns) : 1;
}

#endif
