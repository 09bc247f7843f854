/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A token bucket of time in which the program that counts system calls is attached. It
 * slows down the system calls of all tasks meanwhile.
 */
#ifndef MAZE_EVIDENCE_ATTACH_BUDGET_H
#define MAZE_EVIDENCE_ATTACH_BUDGET_H

#include <stdbool.h>

#include "../core/types.h"

/* At most a hundredth of the time, and at once as much as this. */
#define ATTACH_PART 100
#define ATTACH_BURST_NS ((long long)MAZE_NSEC_PER_SEC)
/* A slice begins only if there is time for it. */
#define ATTACH_BEGIN_NS (100 * (long long)MAZE_NSEC_PER_MSEC)

struct attach_budget {
	long long left_ns;  /* negative after a late detach, which later slices make up for */
	maze_u64 filled_ns; /* CLOCK_MONOTONIC of the last call */
};

static inline void attach_budget_init(struct attach_budget *budget, maze_u64 now)
{
	*budget = (struct attach_budget){ .left_ns = ATTACH_BURST_NS, .filled_ns = now };
}

/* Adds what has been earned since the last call, and takes what was used since then. */
static inline void attach_budget_step(struct attach_budget *budget, maze_u64 now,
				      maze_u64 attached_ns)
{
	maze_u64 earned = (now - budget->filled_ns) / ATTACH_PART;

	budget->filled_ns += earned * ATTACH_PART;
	budget->left_ns += (long long)earned - (long long)attached_ns;
	if (budget->left_ns > ATTACH_BURST_NS)
		budget->left_ns = ATTACH_BURST_NS;
}

static inline bool attach_budget_may_begin(const struct attach_budget *budget)
{
	return budget->left_ns >= ATTACH_BEGIN_NS;
}

static inline bool attach_budget_is_spent(const struct attach_budget *budget)
{
	return budget->left_ns <= 0;
}

#endif
