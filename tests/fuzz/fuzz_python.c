/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a Python interpreter with any bytes changed, also while it is read: names
 * are terminated and not empty, lines are lines, and the number of reads is bounded.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/python_image.h"

/* The input: a version, then changes of three bytes of place and value, and one of time. */
#define CHANGE 5

static const uint8_t *changes;
static size_t changes_size, next_change;

static void change(struct image *image)
{
	const uint8_t *at;
	size_t place;

	for (; next_change + CHANGE <= changes_size; next_change += CHANGE) {
		at = changes + next_change;
		/* The change waits for a later read. */
		if (at[4] > image->reads)
			return;
		place = (size_t)(at[0] | at[1] << 8) % IMAGE_SIZE;
		image->bytes[place] = at[2];
		image->bytes[(place + 1) % IMAGE_SIZE] = at[3];
	}
}

static void check(const struct python_stack *stack)
{
	const struct python_frame *frame;

	if (!stack->count || stack->count > PYTHON_FRAMES_MAX)
		abort();
	for (frame = stack->frames; frame < stack->frames + stack->count; frame++)
		if (!memchr(frame->function, '\0', PYTHON_NAME_MAX) || !frame->function[0] ||
		    !memchr(frame->file, '\0', PYTHON_NAME_MAX) || !frame->file[0] ||
		    frame->line > 0x7fffffff)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const maze_u32 versions[] = { 0x030b02f0, 0x030c01f0, 0x030d00f0, 0x030e00f0 };
	static struct python_stack stack;
	static struct image image;
	struct python_target target = { .runtime = IMAGE_RUNTIME };
	struct python_memory memory;

	if (!size || image_make(&image, versions[data[0] % 4]))
		return 0;
	image_fill(&image);
	changes = data + 1;
	changes_size = size - 1;
	next_change = 0;
	image.reads = 0;
	image.before = change;
	memory = image_memory(&image);
	/* The changes may concern the description of the structures, too. */
	if (python_layout_find(&memory, IMAGE_RUNTIME, versions[data[0] % 4], &target.layout))
		return 0;
	if (!python_stack_read(&memory, &target, IMAGE_TID, &stack))
		check(&stack);
	if (image.reads > PYTHON_READS_MAX)
		abort();
	return 0;
}
