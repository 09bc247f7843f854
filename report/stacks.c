/* SPDX-License-Identifier: GPL-2.0-only */
/* Sorts the frames in O(n log n) and numbers them. Stacks become arrays of numbers. */
#include "stacks.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * "Nearly all" samples are nine in ten. The tenth may be in a signal handler, or before
 * or after the loop.
 */
#define COMMON_TENTHS 9

/* A frame of a stack with samples, and where its number is written. */
struct use {
	const struct incident_frame *frame;
	size_t *number;
};

static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

/* Compares functions, not lines or inlining. Without a name, compares the location. */
static int compare_frames(const struct incident_frame *a, const struct incident_frame *b)
{
	int order = a->kernel - b->kernel;

	if (!order)
		order = compare_texts(a->function, b->function);
	if (!order)
		order = compare_texts(a->module, b->module);
	/* A Python function has a file only. */
	if (!order && !a->module && !a->kernel)
		order = compare_texts(a->file, b->file);
	if (order || a->function)
		return order;
	if (a->has_offset != b->has_offset)
		return a->has_offset - b->has_offset;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->has_offset ? 0 : compare_texts(a->address, b->address);
}

bool stacks_same(const struct incident_frame *a, const struct incident_frame *b)
{
	return compare_frames(a, b) == 0;
}

const struct incident_frame *stacks_frame(const struct stacks_fold *fold, size_t i)
{
	return i < fold->own ? &fold->stack->frames[i] : &fold->callers[i - fold->own];
}

bool stacks_unwound_first(const struct incident *incident, const struct stacks *stacks)
{
	return stacks->hottest && stacks->hottest->stack->astray && incident->unwound.count > 1;
}

static int compare_uses(const void *a, const void *b)
{
	return compare_frames(((const struct use *)a)->frame, ((const struct use *)b)->frame);
}

static int compare_folds(const void *left, const void *right)
{
	const struct stacks_fold *a = left, *b = right;
	size_t i;

	for (i = 0; i < a->depth && i < b->depth; i++)
		if (a->functions[i] != b->functions[i])
			return a->functions[i] < b->functions[i] ? -1 : 1;
	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	/* Keep the order of the file, so that the result is always the same. */
	return a->stack < b->stack ? -1 : 1;
}

/* Whether all `frames` are among `others`, in this order. */
static bool in_order(const struct incident_frame *frames, size_t count,
		     const struct incident_frame *others, size_t others_count)
{
	size_t i = 0;

	while (count && i < others_count)
		if (stacks_same(frames, &others[i++])) {
			frames++;
			count--;
		}
	return !count;
}

/*
 * Adds callers from the unwound stack if the sampled one lacks the outermost frame. They
 * replace all callers of the innermost function in user space if the unwound stack
 * confirms each of these. Otherwise they follow the outermost sampled frame. Returns true
 * if it added some.
 */
static bool join_unwound(const struct incident_stack *unwound, struct stacks_fold *fold)
{
	const struct incident_stack *stack = fold->stack;
	const struct incident_frame *last = &stack->frames[stack->count - 1];
	size_t own = 0, from = 0;

	if (!unwound->count || stacks_same(last, &unwound->frames[unwound->count - 1]))
		return false;
	/* The function of an address is the one into which the others are inlined. */
	while (own < stack->count && (stack->frames[own].kernel || stack->frames[own].inlined))
		own++;
	if (own++ == stack->count)
		return false;
	while (from < unwound->count &&
	       !stacks_same(&stack->frames[own - 1], &unwound->frames[from]))
		from++;
	if (from++ == unwound->count || !in_order(stack->frames + own, stack->count - own,
						  unwound->frames + from, unwound->count - from)) {
		own = stack->count;
		for (from = unwound->count; from > 0; from--)
			if (stacks_same(last, &unwound->frames[from - 1]))
				break;
		if (!from)
			return false;
	}
	fold->own = own;
	fold->callers = unwound->frames + from;
	fold->depth = own + unwound->count - from;
	return true;
}

/* Puts a frame with the name of the consumer around all others. */
static bool join_consumer(const struct incident_group *group, long long consumer,
			  struct stacks_fold *fold)
{
	const struct incident_stack *unwound;
	bool joined;

	if (consumer < 0 || (size_t)consumer >= group->consumers_count)
		return false;
	unwound = &group->consumers[consumer].only->unwound;
	joined = join_unwound(unwound, fold);
	/* The frame is the one behind those of the unwound stack. */
	if (!fold->callers)
		fold->callers = unwound->frames + unwound->count;
	fold->depth++;
	return joined;
}

/* Makes one fold for each stack that has samples and frames. */
static int begin_folds(const struct incident *incident, struct stacks *stacks, size_t *ret_uses)
{
	size_t *counts = calloc(incident->stacks_count + 1, sizeof(*counts));
	long long *consumers = calloc(incident->stacks_count + 1, sizeof(*consumers));
	const struct incident_stack *stack;
	struct stacks_fold *fold;
	size_t i, uses = 0;
	bool joined;

	stacks->folds = calloc(incident->stacks_count + 1, sizeof(*stacks->folds));
	if (!counts || !consumers || !stacks->folds) {
		free(counts);
		free(consumers);
		return -ENOMEM;
	}
	for (i = 0; i < incident->samples_count; i++) {
		counts[incident->samples[i].stack]++;
		consumers[incident->samples[i].stack] = incident->samples[i].consumer;
	}
	for (i = 0; i < incident->stacks_count; i++) {
		stack = &incident->stacks[i];
		if (!counts[i] || !stack->count)
			continue;
		fold = &stacks->folds[stacks->folds_count++];
		*fold = (struct stacks_fold){
			.stack = stack,
			.own = stack->count,
			.depth = stack->count,
			.samples = counts[i],
			.stack_samples = counts[i],
		};
		joined = incident->group ? join_consumer(incident->group, consumers[i], fold)
					 : join_unwound(&incident->unwound, fold);
		stacks->joined += joined ? counts[i] : 0;
		stacks->samples += counts[i];
		uses += fold->depth;
	}
	free(counts);
	free(consumers);
	*ret_uses = uses;
	return 0;
}

/* Numbers the frames. In each fold the outermost comes first. */
static int number_frames(struct stacks *stacks, size_t uses_count)
{
	struct use *uses = calloc(uses_count + 1, sizeof(*uses));
	size_t i, j, n = 0, number = 0;
	struct stacks_fold *fold;
	int err = -ENOMEM;

	stacks->functions = calloc(uses_count + 1, sizeof(*stacks->functions));
	if (!uses || !stacks->functions)
		goto out_free;
	for (i = 0; i < stacks->folds_count; i++) {
		fold = &stacks->folds[i];
		fold->functions = calloc(fold->depth, sizeof(*fold->functions));
		if (!fold->functions)
			goto out_free;
		for (j = 0; j < fold->depth; j++, n++) {
			uses[n].frame = stacks_frame(fold, fold->depth - 1 - j);
			uses[n].number = &fold->functions[j];
		}
	}
	qsort(uses, n, sizeof(*uses), compare_uses);
	for (i = 0; i < n; i++) {
		if (i && compare_uses(&uses[i - 1], &uses[i]))
			number++;
		/* Keep a frame with a source file as the example of the function. */
		if (!stacks->functions[number].frame ||
		    (!stacks->functions[number].frame->file && uses[i].frame->file))
			stacks->functions[number].frame = uses[i].frame;
		*uses[i].number = number;
	}
	stacks->functions_count = n ? number + 1 : 0;
	err = 0;

out_free:
	free(uses);
	return err;
}

static bool same_way(const struct stacks_fold *a, const struct stacks_fold *b)
{
	return a->depth == b->depth &&
	       !memcmp(a->functions, b->functions, a->depth * sizeof(*a->functions));
}

/* The merged folds share the functions of those in `taken`. */
static int merge_folds(struct stacks *stacks)
{
	struct stacks_fold *folds = calloc(stacks->folds_count + 1, sizeof(*folds));
	size_t i, n = 0;

	if (!folds)
		return -ENOMEM;
	memcpy(folds, stacks->folds, stacks->folds_count * sizeof(*folds));
	stacks->taken = stacks->folds;
	stacks->taken_count = stacks->folds_count;
	stacks->folds = folds;
	qsort(folds, stacks->folds_count, sizeof(*folds), compare_folds);
	for (i = 0; i < stacks->folds_count; i++) {
		if (!n || !same_way(&folds[n - 1], &folds[i])) {
			folds[n++] = folds[i];
			continue;
		}
		folds[n - 1].samples += folds[i].samples;
		if (folds[i].stack_samples > folds[n - 1].stack_samples) {
			folds[n - 1].stack = folds[i].stack;
			folds[n - 1].callers = folds[i].callers;
			folds[n - 1].own = folds[i].own;
			folds[n - 1].stack_samples = folds[i].stack_samples;
		}
	}
	stacks->folds_count = n;
	for (i = 0; i < n; i++)
		if (!stacks->hottest || folds[i].samples > stacks->hottest->samples)
			stacks->hottest = &folds[i];
	return 0;
}

static int count_functions(struct stacks *stacks)
{
	size_t *last_seen = calloc(stacks->functions_count + 1, sizeof(*last_seen));
	const struct stacks_fold *fold;
	size_t i, j;

	if (!last_seen)
		return -ENOMEM;
	for (i = 0; i < stacks->folds_count; i++) {
		fold = &stacks->folds[i];
		stacks->functions[fold->functions[fold->depth - 1]].self += fold->samples;
		/* Count a recursive function only once for each stack. */
		for (j = 0; j < fold->depth; j++) {
			if (last_seen[fold->functions[j]] == i + 1)
				continue;
			last_seen[fold->functions[j]] = i + 1;
			stacks->functions[fold->functions[j]].total += fold->samples;
		}
	}
	free(last_seen);
	return 0;
}

/* Returns the innermost function in user space, or else the innermost of all. */
static size_t place_of(const struct stacks *stacks, const struct stacks_fold *fold)
{
	size_t i = fold->depth;

	while (i > 0 && stacks->functions[fold->functions[i - 1]].frame->kernel)
		i--;
	return fold->functions[i > 0 ? i - 1 : fold->depth - 1];
}

static bool is_hotter_place(const struct stacks_function *a, const struct stacks_function *b)
{
	if (!b || a->placed != b->placed)
		return !b || a->placed > b->placed;
	return a->self != b->self ? a->self > b->self : a->total > b->total;
}

static int find_place(struct stacks *stacks)
{
	size_t *behind = calloc(stacks->functions_count + 1, sizeof(*behind));
	const struct stacks_fold *fold;
	struct stacks_function *place;
	size_t i, leaf, hottest = 0;

	if (!behind)
		return -ENOMEM;
	for (i = 0; i < stacks->folds_count; i++) {
		fold = &stacks->folds[i];
		place = &stacks->functions[place_of(stacks, fold)];
		place->placed += fold->samples;
		if (place != &stacks->functions[fold->functions[fold->depth - 1]])
			place->in_kernel += fold->samples;
	}
	for (i = 0; i < stacks->functions_count; i++)
		if (stacks->functions[i].placed &&
		    is_hotter_place(&stacks->functions[i], stacks->place))
			stacks->place = &stacks->functions[i];
	for (i = 0; i < stacks->folds_count; i++) {
		fold = &stacks->folds[i];
		leaf = fold->functions[fold->depth - 1];
		if (&stacks->functions[place_of(stacks, fold)] != stacks->place ||
		    &stacks->functions[leaf] == stacks->place)
			continue;
		behind[leaf] += fold->samples;
		if (behind[leaf] <= hottest)
			continue;
		hottest = behind[leaf];
		stacks->place_kernel = &stacks->functions[leaf];
	}
	free(behind);
	return 0;
}

/* The folds are sorted, so each adds only the part that differs from the fold before. */
static int grow_tree(struct stacks *stacks)
{
	size_t *way = NULL, deepest = 0, nodes = 0, i, j, common = 0;
	const struct stacks_fold *fold, *before = NULL;

	for (i = 0; i < stacks->folds_count; i++) {
		nodes += stacks->folds[i].depth;
		if (stacks->folds[i].depth > deepest)
			deepest = stacks->folds[i].depth;
	}
	way = calloc(deepest + 1, sizeof(*way));
	stacks->nodes = calloc(nodes + 1, sizeof(*stacks->nodes));
	if (!way || !stacks->nodes) {
		free(way);
		return -ENOMEM;
	}
	for (i = 0; i < stacks->folds_count; i++, before = fold) {
		fold = &stacks->folds[i];
		for (common = 0; before && common < fold->depth && common < before->depth &&
				 fold->functions[common] == before->functions[common];)
			common++;
		for (j = 0; j < fold->depth; j++) {
			if (j >= common) {
				way[j] = stacks->nodes_count++;
				stacks->nodes[way[j]].function = fold->functions[j];
				stacks->nodes[way[j]].depth = j;
			}
			stacks->nodes[way[j]].total += fold->samples;
		}
		stacks->nodes[way[fold->depth - 1]].self += fold->samples;
	}
	free(way);
	return 0;
}

/*
 * Goes down the tree as long as a node has nearly all samples. Each depth has at most one
 * such node, and the parent of such a node is such a node too.
 */
static void find_common(struct stacks *stacks)
{
	bool in_kernel = stacks->place && stacks->place->in_kernel * 2 > stacks->place->placed;
	const struct stacks_function *function;
	const struct stacks_node *node;
	size_t i, depth = 0;

	for (i = 0; i < stacks->nodes_count; i++) {
		node = &stacks->nodes[i];
		if (node->depth != depth || node->total * 10 < stacks->samples * COMMON_TENTHS)
			continue;
		depth++;
		function = &stacks->functions[node->function];
		if (!in_kernel || (!function->frame->kernel && function != stacks->place))
			stacks->common = node;
	}
	if (stacks->common &&
	    stacks->common->function == stacks->hottest->functions[stacks->hottest->depth - 1])
		stacks->common = NULL;
}

static int compare_self(const void *left, const void *right, void *data)
{
	const struct stacks *stacks = data;
	size_t i = *(const size_t *)left, j = *(const size_t *)right;
	const struct stacks_function *a = &stacks->functions[i], *b = &stacks->functions[j];

	if (a->self != b->self)
		return a->self > b->self ? -1 : 1;
	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	return i < j ? -1 : 1;
}

static int sort_functions(struct stacks *stacks)
{
	size_t i;

	stacks->by_self = calloc(stacks->functions_count + 1, sizeof(*stacks->by_self));
	if (!stacks->by_self)
		return -ENOMEM;
	for (i = 0; i < stacks->functions_count; i++)
		if (stacks->functions[i].self)
			stacks->by_self[stacks->by_self_count++] = i;
	qsort_r(stacks->by_self, stacks->by_self_count, sizeof(*stacks->by_self), compare_self,
		stacks);
	return 0;
}

static int make_consumers(const struct incident_group *group, struct stacks *stacks)
{
	int err = 0;

	stacks->consumers = calloc(group->consumers_count + 1, sizeof(struct stacks *));
	if (!stacks->consumers)
		return -ENOMEM;
	while (!err && stacks->consumers_count < group->consumers_count) {
		err = stacks_make(group->consumers[stacks->consumers_count].only,
				  &stacks->consumers[stacks->consumers_count]);
		stacks->consumers_count += !err;
	}
	return err;
}

int stacks_make(const struct incident *incident, struct stacks **ret_stacks)
{
	struct stacks *stacks = calloc(1, sizeof(*stacks));
	size_t uses;
	int err;

	if (!stacks)
		return -ENOMEM;
	err = begin_folds(incident, stacks, &uses);
	if (!err)
		err = number_frames(stacks, uses);
	if (!err)
		err = merge_folds(stacks);
	if (err)
		goto out_free;
	err = count_functions(stacks);
	if (!err)
		err = grow_tree(stacks);
	if (!err)
		err = sort_functions(stacks);
	if (err)
		goto out_free;
	err = find_place(stacks);
	if (err)
		goto out_free;
	find_common(stacks);
	err = incident->python ? stacks_make(incident->python, &stacks->python) : 0;
	if (!err && incident->group)
		err = make_consumers(incident->group, stacks);
	if (err)
		goto out_free;
	*ret_stacks = stacks;
	return 0;

out_free:
	stacks_free(stacks);
	return err;
}

int stacks_of_unwound(const struct incident *incident, struct stacks **ret_stacks)
{
	struct incident_sample sample = { 0 };
	struct incident only = *incident;

	only.stacks = (struct incident_stack *)&incident->unwound;
	only.stacks_count = only.samples_count = 1;
	only.samples = &sample;
	return stacks_make(&only, ret_stacks);
}

void stacks_free(struct stacks *stacks)
{
	struct stacks_fold *folds;
	size_t i, count;

	if (!stacks)
		return;
	folds = stacks->taken ? stacks->taken : stacks->folds;
	count = stacks->taken ? stacks->taken_count : stacks->folds_count;
	for (i = 0; folds && i < count; i++)
		free(folds[i].functions);
	free(stacks->taken);
	free(stacks->folds);
	free(stacks->functions);
	free(stacks->nodes);
	free(stacks->by_self);
	stacks_free(stacks->python);
	for (i = 0; i < stacks->consumers_count; i++)
		stacks_free(stacks->consumers[i]);
	free(stacks->consumers);
	free(stacks);
}
