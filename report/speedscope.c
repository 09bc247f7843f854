/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes the file format of speedscope, with the samples in the order in which they came.
 * The reads of the Python stack have a profile of their own: they are no samples.
 */
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "interval.h"

static json_t *frame_json(const struct incident_frame *frame)
{
	const char *file = frame->kernel ? "[kernel]" : frame->file ? frame->file : frame->module;
	char *name = shown_frame(frame);
	json_t *object = name ? json_pack("{ss}", "name", name) : NULL;

	free(name);
	if (file)
		json_object_set_new(object, "file", json_string(file));
	return object;
}

/* Appends the functions. False: no memory. */
static bool append_frames(json_t *array, const struct stacks *stacks)
{
	size_t i;

	for (i = 0; stacks && i < stacks->functions_count; i++)
		if (json_array_append_new(array, frame_json(stacks->functions[i].frame)))
			return false;
	return true;
}

/* The functions of all profiles; those of Python come last. */
static json_t *frames_json(const struct stacks *stacks)
{
	json_t *array = json_array();

	if (array && append_frames(array, stacks) && append_frames(array, stacks->python))
		return array;
	json_decref(array);
	return NULL;
}

/* `base` is the number of the first function. */
static json_t *stack_json(const struct stacks_fold *fold, size_t base)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < fold->depth; i++)
		json_array_append_new(
			array, json_integer((json_int_t)base + (json_int_t)fold->functions[i]));
	return array;
}

/* Sets the number of samples, which are those that have a stack. */
static json_t *samples_json(const struct incident *incident, const struct stacks *stacks,
			    size_t base, size_t *ret_count)
{
	json_t **by_stack = calloc(incident->stacks_count + 1, sizeof(json_t *));
	json_t *array = by_stack ? json_array() : NULL, *stack;
	size_t i;

	for (i = 0; array && i < stacks->taken_count; i++)
		by_stack[stacks->taken[i].stack - incident->stacks] =
			stack_json(&stacks->taken[i], base);
	for (i = 0; array && i < incident->samples_count; i++) {
		stack = by_stack[incident->samples[i].stack];
		if (stack)
			json_array_append(array, stack);
	}
	for (i = 0; array && i < incident->stacks_count; i++)
		json_decref(by_stack[i]);
	free(by_stack);
	*ret_count = json_array_size(array);
	return array;
}

static json_t *profile_json(const char *name, const char *unit, json_t *samples, size_t count,
			    long long weight)
{
	json_t *weights = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(weights, json_integer(weight));
	return json_pack("{ss, ss, ss, si, sI, so, so}", "type", "sampled", "name", name, "unit",
			 unit, "startValue", 0, "endValue", (json_int_t)count * weight, "samples",
			 samples, "weights", weights);
}

static json_t *profiles_json(const struct incident *incident, const struct stacks *stacks,
			     long long period_ns)
{
	const char *thread = shown_thread_name(incident);
	json_t *profiles = json_array(), *samples;
	size_t count;
	int err;

	samples = samples_json(incident, stacks, 0, &count);
	err = json_array_append_new(profiles,
				    profile_json(thread ? thread : incident->id, "nanoseconds",
						 samples, count, period_ns));
	if (!err && stacks->python && stacks->python->samples) {
		samples = samples_json(incident->python, stacks->python, stacks->functions_count,
				       &count);
		err = json_array_append_new(profiles, profile_json("reads of the Python stack",
								   "none", samples, count, 1));
	}
	if (!err)
		return profiles;
	json_decref(profiles);
	return NULL;
}

int report_speedscope(const struct incident *incident, const struct stacks *stacks, FILE *out)
{
	long long period_ns;
	json_t *root;
	int err = interval_find(incident, &period_ns);

	if (err)
		return err;
	root = json_pack("{ss, ss, ss, s{so}, so}", "$schema",
			 "https://www.speedscope.app/file-format-schema.json", "name", incident->id,
			 "exporter", "maze " MAZE_VERSION, "shared", "frames", frames_json(stacks),
			 "profiles", profiles_json(incident, stacks, period_ns));
	if (!root)
		return -ENOMEM;
	/* Escape all but ASCII, because the output may be a terminal. */
	if (json_dumpf(root, out, JSON_COMPACT | JSON_ENSURE_ASCII) || fputc('\n', out) == EOF)
		err = -EIO;
	json_decref(root);
	return err;
}
