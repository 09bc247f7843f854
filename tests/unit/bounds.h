/* SPDX-License-Identifier: GPL-2.0-only */
/* Bounds of a test: on a wait, and on the life of a child that is left behind. */
#ifndef MAZE_TEST_BOUNDS_H
#define MAZE_TEST_BOUNDS_H

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

/* Longest wait; no machine is that slow. */
#define WAIT_SECONDS 60
#define LIFE_SECONDS (4 * WAIT_SECONDS)

/* Waits until the condition holds; a failure if it does not within WAIT_SECONDS. */
#define wait_until(condition)                                                                      \
	do {                                                                                       \
		maze_u64 wait_until_ns =                                                           \
			now_ns(CLOCK_MONOTONIC) + WAIT_SECONDS * MAZE_NSEC_PER_SEC;                \
                                                                                                   \
		while (!(condition)) {                                                             \
			if (now_ns(CLOCK_MONOTONIC) > wait_until_ns)                               \
				fail_msg("not within %d s: %s", WAIT_SECONDS, #condition);         \
			poll(NULL, 0, 1);                                                          \
		}                                                                                  \
	} while (0)

/*
 * Called by a forked child, which inherits no such bounds. scripts/run-unit waits until all
 * have closed the test's standard output, also a child that is left behind.
 */
static inline void bound_child(void)
{
	alarm(LIFE_SECONDS);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

#endif
