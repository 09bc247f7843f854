/* SPDX-License-Identifier: GPL-2.0-only */
/* What the Python stacks of an incident show, and how they join a native stack. */
#ifndef MAZE_REPORT_PYTHON_H
#define MAZE_REPORT_PYTHON_H

#include "stacks.h"

/*
 * Finds the function that probably contains the loop, with its most frequent line: the
 * innermost function in nearly all reads, or else the one that most reads were in. `python`
 * is the member of struct stacks. Returns false if there is none.
 */
bool python_place(const struct stacks *python, const struct incident_frame **ret_frame,
		  size_t *ret_reads);

/* Returns the native stack to join: the hottest if it reaches Python, or the unwound one. */
const struct incident_stack *python_native(const struct incident *incident,
					   const struct stacks *stacks);
/*
 * Puts the Python functions in the place of the interpreter's frames in a native stack: for
 * each frame of its evaluation loop, those from one entry to the next. Returns 0, -ENOENT if
 * the stacks do not fit or no C function was called from Python, or -ENOMEM. The caller
 * frees the frames.
 */
int python_join(const struct incident_stack *native, const struct incident_stack *python,
		struct incident_stack *ret_joined);

/* The samples, with the Python functions in the place of the interpreter's frames. */
struct python_joined {
	struct incident incident; /* owns the frames of its stacks */
	struct stacks *stacks;
};

/*
 * Joins each sampled stack that fits with the most frequent Python stack. Returns 0,
 * -ENOENT if less than nine in ten reads have this stack or if less than half of the
 * samples fit, or -ENOMEM.
 */
int python_join_samples(const struct incident *incident, const struct stacks *stacks,
			struct python_joined *ret_joined);
void python_joined_done(struct python_joined *joined);

#endif
