/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the samples of an incident say together: which stacks are the same when seen by
 * a person (same functions, whatever the line), how many samples each has, the tree
 * they make, and the functions by share.
 */
#ifndef MAZE_REPORT_STACKS_H
#define MAZE_REPORT_STACKS_H

#include "incident.h"

/* A function, or a place in code that has no name. */
struct stacks_function {
	const struct incident_frame *frame; /* one of those that stand for it */
	size_t self;			    /* samples that were in it */
	size_t total;			    /* samples that were in it or in what it called */
	/* Samples in it or in what it called of the kernel; of these, those in the kernel. */
	size_t placed, in_kernel;
};

/* One way from the outermost frame to the innermost, with all samples that took it. */
struct stacks_fold {
	const struct incident_stack *stack; /* of those folded, the one with most samples */
	size_t *functions;		    /* indexes, outermost first */
	size_t depth;
	size_t samples;
	size_t stack_samples; /* of `stack` alone */
};

/* Of the tree, in the order of a walk: a node, then what is below it. */
struct stacks_node {
	size_t function;
	size_t depth; /* 0: outermost */
	size_t self, total;
};

struct stacks {
	size_t samples; /* those that have a stack of at least one frame */
	struct stacks_function *functions;
	size_t functions_count;
	struct stacks_fold *folds; /* in the order of the tree */
	size_t folds_count;
	struct stacks_node *nodes;
	size_t nodes_count;
	size_t *by_self; /* indexes of functions with self > 0, the hottest first */
	size_t by_self_count;
	const struct stacks_fold *hottest; /* NULL: there is no sample */
	/*
	 * Where it was, for a headline: the function with most placed samples, which is one
	 * of user space where there is any; and the kernel's function that most of its
	 * samples in the kernel were in. NULL: there is none.
	 */
	const struct stacks_function *place, *place_kernel;
	/*
	 * The function that holds the loop, as far as samples can tell: the innermost
	 * that nearly all samples have in common, when that is not the hottest itself. Of
	 * a place that was mostly in the kernel, a function of user space that led to it.
	 * NULL otherwise.
	 */
	const struct stacks_node *common;
};

/* Whether two frames are the same function for a person, or the same place without a name. */
bool stacks_same(const struct incident_frame *a, const struct incident_frame *b);

/* The walk to the hottest stack's callers went astray, and the unwind found callers. */
bool stacks_unwound_first(const struct incident *incident, const struct stacks *stacks);

/* 0 or -ENOMEM. The incident has to stay while this is used. */
int stacks_make(const struct incident *incident, struct stacks **ret_stacks);
void stacks_free(struct stacks *stacks);

#endif
