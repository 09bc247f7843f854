/* SPDX-License-Identifier: GPL-2.0-only */
#include "python.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool python_place(const struct stacks *python, const struct incident_frame **ret_frame,
		  size_t *ret_reads)
{
	const struct stacks_function *function;
	const struct incident_stack *hottest;
	size_t i;

	if (!python || !python->place)
		return false;
	function = python->common ? &python->functions[python->common->function] : python->place;
	*ret_reads = python->common ? python->common->total : python->place->total;
	*ret_frame = function->frame;
	hottest = python->hottest->stack;
	for (i = 0; i < hottest->count; i++)
		if (stacks_same(&hottest->frames[i], function->frame)) {
			*ret_frame = &hottest->frames[i];
			break;
		}
	return true;
}

static bool is_evaluation(const struct incident_frame *frame)
{
	static const char name[] = "_PyEval_EvalFrameDefault";

	/* Without the suffix of a part that the compiler has split off, such as ".cold". */
	return frame->function && !strncmp(frame->function, name, sizeof(name) - 1);
}

const struct incident_stack *python_native(const struct incident *incident,
					   const struct stacks *stacks)
{
	const struct incident_stack *hottest = stacks->hottest ? stacks->hottest->stack : NULL;
	size_t i;

	for (i = 0; hottest && i < hottest->count; i++)
		if (is_evaluation(&hottest->frames[i]))
			return hottest;
	return &incident->unwound;
}

/* Appends the functions up to the next entry, and returns the index behind them. */
static size_t add_run(const struct incident_stack *python, size_t next, struct incident_stack *to)
{
	bool entry = false;

	while (next < python->count && !entry) {
		entry = python->frames[next].entry;
		to->frames[to->count++] = python->frames[next++];
	}
	return next;
}

int python_join(const struct incident_stack *native, const struct incident_stack *python,
		struct incident_stack *ret_joined)
{
	size_t i, next = 0, evaluations = 0, entries = 0;
	struct incident_stack joined = { .cut = native->cut, .astray = native->astray };

	for (i = 0; i < native->count; i++)
		evaluations += is_evaluation(&native->frames[i]);
	for (i = 0; i < python->count; i++)
		entries += python->frames[i].entry;
	/* A whole native stack has as many evaluations as a whole Python stack has entries. */
	if (!evaluations || evaluations > entries || is_evaluation(&native->frames[0]) ||
	    (evaluations < entries && !native->cut))
		return -ENOENT;
	joined.frames = calloc(native->count + python->count, sizeof(*joined.frames));
	if (!joined.frames)
		return -ENOMEM;
	for (i = 0; i < native->count && (next < python->count || evaluations == entries); i++) {
		if (is_evaluation(&native->frames[i]))
			next = add_run(python, next, &joined);
		else
			joined.frames[joined.count++] = native->frames[i];
	}
	*ret_joined = joined;
	return 0;
}

/* Copies the frames of a sampled stack and of its callers. False: no memory. */
static bool copy_fold(const struct incident *incident, const struct stacks_fold *fold,
		      struct incident_stack *ret_native)
{
	size_t i;

	*ret_native = (struct incident_stack){
		.frames = calloc(fold->depth, sizeof(*ret_native->frames)),
		.cut = fold->callers ? incident->unwound.cut : fold->stack->cut,
	};
	for (i = 0; ret_native->frames && i < fold->depth; i++)
		ret_native->frames[ret_native->count++] = *stacks_frame(fold, i);
	return ret_native->frames;
}

/* Fills in the stacks of *joined, and counts the samples of those that fit. */
static int join_folds(const struct incident *incident, const struct stacks *stacks,
		      struct python_joined *joined, size_t *ret_samples)
{
	const struct stacks_fold *fold;
	struct incident_stack native, *to;
	size_t i;
	int err;

	for (i = 0; i < stacks->taken_count; i++) {
		fold = &stacks->taken[i];
		to = &joined->incident.stacks[fold->stack - incident->stacks];
		if (!copy_fold(incident, fold, &native))
			return -ENOMEM;
		err = python_join(&native, stacks->python->hottest->stack, to);
		if (err == -ENOENT) {
			*to = native;
			continue;
		}
		free(native.frames);
		if (err)
			return err;
		*ret_samples += fold->samples;
	}
	return 0;
}

int python_join_samples(const struct incident *incident, const struct stacks *stacks,
			struct python_joined *ret_joined)
{
	const struct stacks *python = stacks->python;
	struct python_joined joined = { .incident = *incident };
	size_t samples = 0;
	int err;

	if (!python || !python->hottest || python->hottest->samples * 10 < python->samples * 9)
		return -ENOENT;
	/* The callers of the unwound stack are already in the folds. */
	joined.incident.unwound = (struct incident_stack){ 0 };
	joined.incident.python = NULL;
	joined.incident.stacks =
		calloc(incident->stacks_count + 1, sizeof(*joined.incident.stacks));
	err = joined.incident.stacks ? join_folds(incident, stacks, &joined, &samples) : -ENOMEM;
	if (!err && samples * 2 < stacks->samples)
		err = -ENOENT;
	if (!err)
		err = stacks_make(&joined.incident, &joined.stacks);
	if (err)
		python_joined_done(&joined);
	else
		*ret_joined = joined;
	return err;
}

void python_joined_done(struct python_joined *joined)
{
	size_t i;

	for (i = 0; joined->incident.stacks && i < joined->incident.stacks_count; i++)
		free(joined->incident.stacks[i].frames);
	free(joined->incident.stacks);
	stacks_free(joined->stacks);
}
