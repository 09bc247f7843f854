/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The samples of an incident together: stacks with the same functions folded into one,
 * the tree that they make, and the functions by their share of samples.
 */
#ifndef MAZE_REPORT_STACKS_H
#define MAZE_REPORT_STACKS_H

#include "incident.h"

/* A function, or a location without a name. */
struct stacks_function {
	const struct incident_frame *frame; /* one of its frames */
	size_t self;			    /* samples in it */
	size_t total;			    /* samples in it or in functions that it called */
	/*
	 * Samples in it or in the kernel called by it, and the part of these in the
	 * kernel.
	 */
	size_t placed, in_kernel;
};

/* All samples with the same functions from the outermost to the innermost. */
struct stacks_fold {
	const struct incident_stack *stack; /* the one with most samples */
	size_t *functions;		    /* indexes, outermost first */
	size_t depth;
	size_t samples;
	size_t stack_samples; /* of `stack` alone */
};

/* The tree in depth-first order. */
struct stacks_node {
	size_t function;
	size_t depth; /* 0: outermost */
	size_t self, total;
};

struct stacks {
	size_t samples; /* with at least one frame */
	struct stacks_function *functions;
	size_t functions_count;
	struct stacks_fold *folds; /* in the order of the tree */
	size_t folds_count;
	struct stacks_node *nodes;
	size_t nodes_count;
	size_t *by_self; /* indexes of functions with self > 0, the hottest first */
	size_t by_self_count;
	const struct stacks_fold *hottest; /* NULL: no sample */
	/*
	 * For a headline: the function with most placed samples, in user space if
	 * possible, and the kernel function with most of its samples in the kernel. NULL:
	 * none.
	 */
	const struct stacks_function *place, *place_kernel;
	/*
	 * The function that probably contains the loop: the innermost one in nearly all
	 * samples, in user space if `place` is mostly in the kernel. NULL: that is
	 * `place`.
	 */
	const struct stacks_node *common;
};

/* The same function, or the same location without a name. Lines may differ. */
bool stacks_same(const struct incident_frame *a, const struct incident_frame *b);

/* The hottest stack lacks its callers, and the unwound stack has some. */
bool stacks_unwound_first(const struct incident *incident, const struct stacks *stacks);

/* 0 or -ENOMEM. The incident must outlive the result. */
int stacks_make(const struct incident *incident, struct stacks **ret_stacks);
void stacks_free(struct stacks *stacks);

#endif
