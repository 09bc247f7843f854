/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Detectors of a spinner: maze's engines and the tools in use today. Each is a row of one
 * table; the trials are the same for all.
 */
#ifndef MAZE_BENCH_DETECTOR_H
#define MAZE_BENCH_DETECTOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/types.h"

/* The maximum of spinners at once: three on each CPU of a large machine. */
#define DETECTOR_SLOTS_MAX 24

struct detector {
	const char *name;
	const char *key; /* its name on the command line */
	const char *note;
	maze_u64 limit_ns;
	/* The maximum of trials under load; detectors that take a second each have fewer. */
	int trials_idle, trials_loaded;
	/* Length of its cycle: a trial begins at a random moment of it. 0: no cycle. */
	maze_u64 cycle_ns;
	bool ours;	    /* no verdict may be early */
	bool whole_process; /* it limits all CPU time of the process, not the time since a sleep */

	/* False: it is not available; nothing is started then. */
	bool (*start)(void);
	/* Called in the child that will spin, before it waits for its turn; may be NULL. */
	void (*prepare)(void);
	/* The child of this slot waits and is to be watched from now on; may be NULL. */
	void (*begin)(int slot, pid_t pid);
	/* The child has been signalled and has ended; may be NULL. */
	void (*end)(int slot);
	void (*stop)(void);
};

extern const struct detector detectors[];
extern const int detectors_n;

/* The next verdict of a maze engine: count - limit, in ns. Returns 1, or 0 for none. */
int detector_next_by_record(double *ret_late_ns);

#endif
