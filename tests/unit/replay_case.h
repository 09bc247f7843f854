/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_TEST_REPLAY_CASE_H
#define MAZE_TEST_REPLAY_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "replay/replay.h"

/* Replays a whole trace from its begin. `name` is for the message of a failure. */
static struct replay_totals replay_all(const struct replay_calls *calls, int fd, const char *name)
{
	struct replay *replay = replay_new(calls);
	struct maze_error error = { "" };
	struct replay_totals totals;
	struct trace_event event;
	struct trace trace;
	int got;

	assert_non_null(replay);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	if (trace_open(fd, &trace, &error))
		fail_msg("%s: %s", name, error.text);
	while ((got = trace_next(&trace, &event, &error)) > 0)
		assert_int_equal(replay_event(replay, &event), 0);
	if (got)
		fail_msg("%s: %s", name, error.text);
	assert_int_equal(replay_end(replay), 0);
	totals = replay_totals(replay);
	trace_close(&trace);
	replay_free(replay);
	return totals;
}

#endif
