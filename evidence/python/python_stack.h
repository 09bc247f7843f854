/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the Python stack of a running thread from the memory of its process. The thread is
 * not stopped and changes its stack meanwhile, so the result has only the functions that
 * the thread was in during the whole read.
 */
#ifndef MAZE_EVIDENCE_PYTHON_STACK_H
#define MAZE_EVIDENCE_PYTHON_STACK_H

#include "python_code.h"

#define PYTHON_FRAMES_MAX 128

struct python_target {
	struct python_layout layout;
	maze_u64 runtime; /* the address of _PyRuntime */
	struct python_types types;
};

struct python_stack {
	size_t count;				       /* at least 1 */
	bool cut;				       /* outer functions are missing */
	struct python_frame frames[PYTHON_FRAMES_MAX]; /* innermost first */
};

/* `tid` is the number of the thread in the PID namespace of its process. */
enum python_refusal python_stack_read(struct python_memory *memory, struct python_target *target,
				      maze_u32 tid, struct python_stack *ret_stack);

#endif
