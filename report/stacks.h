/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Summarizes the samples of an incident. Stacks with the same functions form one fold,
 * the folds form a tree, and the functions are sorted by their samples. The kernel walks
 * stacks by frame pointers; callers that it does not find are added from the unwound stack.
 */
#ifndef MAZE_REPORT_STACKS_H
#define MAZE_REPORT_STACKS_H

#include "incident.h"

/* A function, or a location without a name. */
struct stacks_function {
	const struct incident_frame *frame; /* an example of its frames */
	size_t self;			    /* samples in it */
	size_t total;			    /* samples in it or in functions that it called */
	/*
	 * `placed` counts samples in it or in the kernel that it called. `in_kernel`
	 * counts only the latter.
	 */
	size_t placed, in_kernel;
};

/* All samples whose stacks have the same functions. */
struct stacks_fold {
	const struct incident_stack *stack; /* its stack with the most samples */
	/*
	 * Behind the innermost `own` frames of `stack`, those of the unwound stack, or the
	 * one of the group's consumer; or NULL.
	 */
	const struct incident_frame *callers;
	size_t own;
	size_t *functions; /* indexes, outermost first */
	size_t depth;
	size_t samples;
	size_t stack_samples; /* samples of `stack` alone */
};

/* A node of the tree. The nodes are in depth-first order. */
struct stacks_node {
	size_t function;
	size_t depth; /* 0: outermost */
	size_t self, total;
};

struct stacks {
	size_t samples; /* samples with at least one frame */
	size_t joined;	/* samples whose callers are those of the unwound stack */
	struct stacks_function *functions;
	size_t functions_count;
	struct stacks_fold *folds; /* in the tree's order */
	size_t folds_count;
	struct stacks_fold
		*taken; /* before the merge: one for each stack of the file with samples */
	size_t taken_count;
	struct stacks_node *nodes;
	size_t nodes_count;
	size_t *by_self; /* indexes of functions with self > 0, hottest first */
	size_t by_self_count;
	const struct stacks_fold *hottest; /* NULL: no sample */
	/*
	 * For a headline. `place` is the function with the most placed samples, in user
	 * space if possible. `place_kernel` is the kernel function that was innermost most
	 * often in the samples of `place`. NULL: none.
	 */
	const struct stacks_function *place, *place_kernel;
	/*
	 * The function that probably contains the loop: the deepest function that nearly
	 * all stacks share. If `place` is mostly in the kernel, only functions of user space
	 * count. NULL: no such function, or it is the innermost one of the hottest stack.
	 */
	const struct stacks_node *common;
	struct stacks *python; /* of the reads of the Python stack; NULL: none */
	/* Of a group: one for each consumer. Its own stacks have the consumers as outermost. */
	struct stacks **consumers;
	size_t consumers_count;
};

/* Whether both frames have the same function, or the same location if it has no name. */
bool stacks_same(const struct incident_frame *a, const struct incident_frame *b);

/* The frames of a fold, innermost first; `i` is below its depth. */
const struct incident_frame *stacks_frame(const struct stacks_fold *fold, size_t i);

/*
 * Whether to show the unwound stack first, because the hottest stack lacks callers that the
 * unwound stack has.
 */
bool stacks_unwound_first(const struct incident *incident, const struct stacks *stacks);

/* Both return 0 or -ENOMEM. The incident must outlive the result. */
int stacks_make(const struct incident *incident, struct stacks **ret_stacks);
/* Summarizes the unwound stack as if it were the only sample. */
int stacks_of_unwound(const struct incident *incident, struct stacks **ret_stacks);
void stacks_free(struct stacks *stacks);

#endif
