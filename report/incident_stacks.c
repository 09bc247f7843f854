/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the stacks of an incident, and the samples that have them. */
#include "incident_file.h"
#include "json_reader.h"

/* Integers in the JSON are signed, so a kernel address may be a negative number there. */
static void read_offset(struct json_reader *reader, const json_t *object,
			struct incident_frame *frame)
{
	json_t *offset = json_object_get(object, "offset");

	frame->has_offset = json_is_integer(offset);
	frame->offset = (unsigned long long)json_integer_value(offset);
	if (offset && !json_is_null(offset) && !frame->has_offset)
		type_error(reader, "offset", "a whole number");
}

static void read_frame(struct json_reader *reader, const json_t *object,
		       struct incident_frame *frame)
{
	frame->function = read_text(reader, object, "function");
	frame->file = read_text(reader, object, "file");
	frame->module = read_text(reader, object, "module");
	frame->build_id = read_text(reader, object, "build_id");
	frame->address = read_text(reader, object, "address");
	frame->line = read_number(reader, object, "line");
	read_offset(reader, object, frame);
	frame->inlined = read_flag(reader, object, "inlined", false);
	frame->kernel = read_flag(reader, object, "kernel", false);
	frame->entry = read_flag(reader, object, "entry", false);
	if (frame->function && !frame->function[0])
		frame->function = NULL;
	if (frame->build_id && !frame->build_id[0])
		frame->build_id = NULL;
}

bool incident_read_stack(struct json_reader *reader, const json_t *object,
			 struct incident_stack *stack)
{
	json_t *array = read_array(reader, object, "frames");
	size_t i;

	stack->cut = read_flag(reader, object, "cut", false);
	stack->astray = read_flag(reader, object, "astray", false);
	if (json_array_size(array) > INCIDENT_FRAMES_MAX) {
		type_error(reader, "frames", "an array of at most 4096");
		return true;
	}
	if (!array_room(array, sizeof(*stack->frames), &stack->frames, &stack->count))
		return false;
	for (i = 0; i < stack->count; i++)
		read_frame(reader, read_element(reader, array, i), &stack->frames[i]);
	return true;
}

bool incident_read_stacks(struct json_reader *reader, const json_t *root, struct incident *incident)
{
	json_t *array = read_array(reader, root, "stacks");
	json_t *unwound = read_object(reader, root, "unwound");
	size_t i;

	reader->where = "stacks";
	if (!array_room(array, sizeof(*incident->stacks), &incident->stacks,
			&incident->stacks_count))
		return false;
	for (i = 0; i < incident->stacks_count; i++)
		if (!incident_read_stack(reader, read_element(reader, array, i),
					 &incident->stacks[i]))
			return false;
	reader->where = "unwound";
	incident->unwound_took_ns = read_number(reader, unwound, "took_ns");
	return incident_read_stack(reader, unwound, &incident->unwound);
}

bool incident_read_samples(struct json_reader *reader, const json_t *array, size_t stacks_count,
			   struct incident_sample **ret_samples, size_t *ret_count)
{
	struct incident_sample *sample;
	long long stack;
	json_t *object;
	size_t i;

	reader->where = "samples";
	if (!array_room(array, sizeof(*sample), ret_samples, ret_count))
		return false;
	for (i = 0; i < *ret_count; i++) {
		sample = &(*ret_samples)[i];
		object = read_element(reader, array, i);
		sample->time_ns = read_time(reader, object, "time");
		sample->count_ns = read_number(reader, object, "count_ns");
		sample->cpu = read_number(reader, object, "cpu");
		sample->consumer = read_number(reader, object, "consumer");
		stack = read_number(reader, object, "stack");
		if (stack < 0 || (size_t)stack >= stacks_count)
			type_error(reader, "stack", "an index into \"stacks\"");
		else
			sample->stack = (size_t)stack;
	}
	return true;
}
