/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records the context switches of the machine into a file in the compact format
 * (core/trace_event.h), with any engine: the kernel side is a BPF program of its own. It is
 * not a part of the public API.
 */
#ifndef MAZE_LIB_SCHEDULE_H
#define MAZE_LIB_SCHEDULE_H

#include <stdbool.h>
#include <stdio.h>

#include "../base/maze_error.h"
#include "../core/trace_event.h"

struct schedule;

struct schedule_totals {
	maze_u64 switches;
	maze_u64 lost; /* events that found no room */
};

/*
 * Begins to record into `out`, which the caller closes afterwards. -EPERM: this process may
 * not load the program. -EOPNOTSUPP: this kernel lacks something. Else the error of a
 * write.
 */
int schedule_open(FILE *out, struct schedule **ret_schedule, struct maze_error *error);
/*
 * Writes the events that there are now. Call it ten times a second. Returns 0 or the error of
 * the write.
 */
int schedule_write(struct schedule *schedule, struct maze_error *error);
/* Ends the recording and writes what is left. Returns 0 or the error of the write. */
int schedule_stop(struct schedule *schedule, struct maze_error *error);
/* Whether yields are recorded; false: this kernel cannot. */
bool schedule_sees_yields(const struct schedule *schedule);
struct schedule_totals schedule_totals(const struct schedule *schedule);
/* Ignores NULL. */
void schedule_close(struct schedule *schedule);

#endif
