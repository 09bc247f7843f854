/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests with real-time tasks, which keep all other tasks off their CPU. */
#ifndef MAZE_TEST_REAL_TIME_H
#define MAZE_TEST_REAL_TIME_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>

#include <cmocka.h>

/* Until this process ends, no other such test has real-time tasks. */
static inline void wait_for_other_real_time_tests(void)
{
	static int place = -1;

	if (place >= 0)
		return;
	place = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place >= 0);
	assert_int_equal(flock(place, LOCK_EX), 0);
}

#endif
