/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What finds a spinner: maze's engines, and what people use today. Each is a row of one
 * table; the trials are the same for all.
 */
#ifndef MAZE_BENCH_DETECTOR_H
#define MAZE_BENCH_DETECTOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/types.h"

/* Spinners at once, at most: three on each CPU of a large machine. */
#define DETECTOR_SLOTS_MAX 24

struct detector {
	const char *name;
	const char *key; /* to ask for it alone */
	const char *note;
	maze_u64 limit_ns;
	/* Trials at most while others run; what takes a second each has fewer than are asked. */
	int trials_idle, trials_loaded;
	/* Length of its cycle: a trial begins at a random moment of it. 0: it has none. */
	maze_u64 cycle_ns;
	bool ours;	    /* none may be early */
	bool whole_process; /* all CPU time of the process is limited, not that since a sleep */

	/* False: it is not here; nothing is started then. */
	bool (*start)(void);
	/* In the child that will spin, before it waits for its turn; may be NULL. */
	void (*prepare)(void);
	/* The child of this slot waits, and is to be watched from now on; may be NULL. */
	void (*begin)(int slot, pid_t pid);
	/* It has been signalled and is gone; may be NULL. */
	void (*end)(int slot);
	void (*stop)(void);
};

extern const struct detector detectors[];
extern const int detectors_n;

/* Every verdict of an engine of ours since the last call: count - limit, in ns; 1 or 0. */
int detector_next_by_record(double *ret_late_ns);

#endif
