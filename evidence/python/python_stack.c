/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The chain of frames is walked several times, at once, and the walks are compared from the
 * outermost frame inward. A frame counts if all walks have it, at the same address and with
 * the same code, and if all frames around it were at the same instruction each time: then
 * the thread did not return to them. The innermost of these frames is the one that the
 * thread was in, itself or in functions that it called for a shorter time than a read takes.
 */
#include "python_stack.h"

#include <string.h>

#define INTERPRETERS_MAX 64
#define THREADS_MAX 4096
/* CPython has a default recursion limit of 1000. */
#define WALK_MAX 1024
/* Low bits of a reference to a code object are flags from 3.14 on. */
#define FLAGS_OF_REFERENCE 3ULL
/*
 * A single walk may have a frame that has returned and a later state of its caller. In a
 * loop of short calls two walks may agree on that by chance, in about one of ten reads.
 */
#define WALKS 5
/* From this owner on (an enum in CPython) a frame belongs to C code, and has no function. */
#define OWNER_C 3

struct link {
	maze_u64 at, code, previous, instruction;
	unsigned char owner, is_entry;
};

struct walk {
	size_t count;
	bool whole; /* the last frame is the outermost one */
	struct link links[WALK_MAX];
};

static maze_u32 last_of(const maze_u32 *offsets, size_t count)
{
	maze_u32 last = 0;

	while (count-- > 0)
		if (offsets[count] != PYTHON_NO_MEMBER && offsets[count] > last)
			last = offsets[count];
	return last;
}

static enum python_refusal refusal_of(int err)
{
	return err == -EFAULT ? PYTHON_UNREADABLE : PYTHON_TORN;
}

/* ---- the thread -------------------------------------------------------------------- */

static enum python_refusal search_threads(struct python_memory *memory,
					  const struct python_layout *layout, maze_u64 thread,
					  maze_u32 tid, maze_u64 *ret_thread)
{
	const maze_u32 members[] = { layout->thread_next, layout->thread_id };
	size_t size = last_of(members, 2) + sizeof(maze_u64), count;
	unsigned char object[PYTHON_OBJECT_MAX];
	maze_u64 id;
	int err;

	for (count = 0; thread && count < THREADS_MAX; count++) {
		err = python_memory_read(memory, thread, object, size);
		if (err)
			return refusal_of(err);
		memcpy(&id, object + layout->thread_id, sizeof(id));
		if (id == tid) {
			*ret_thread = thread;
			return PYTHON_FINE;
		}
		memcpy(&thread, object + layout->thread_next, sizeof(thread));
	}
	return PYTHON_NO_THREAD;
}

static enum python_refusal find_thread(struct python_memory *memory,
				       const struct python_target *target, maze_u32 tid,
				       maze_u64 *ret_thread)
{
	const struct python_layout *layout = &target->layout;
	enum python_refusal refusal = PYTHON_NO_THREAD;
	maze_u64 interpreter, thread;
	size_t count;
	int err = python_memory_read(memory, target->runtime + layout->runtime_interpreters,
				     &interpreter, sizeof(interpreter));

	for (count = 0; !err && interpreter && count < INTERPRETERS_MAX; count++) {
		err = python_memory_read(memory, interpreter + layout->interpreter_threads, &thread,
					 sizeof(thread));
		if (!err)
			refusal = search_threads(memory, layout, thread, tid, ret_thread);
		if (err || refusal != PYTHON_NO_THREAD)
			break;
		err = python_memory_read(memory, interpreter + layout->interpreter_next,
					 &interpreter, sizeof(interpreter));
	}
	return err ? refusal_of(err) : refusal;
}

/* ---- the frames -------------------------------------------------------------------- */

static int walk(struct python_memory *memory, const struct python_layout *layout, maze_u64 thread,
		struct walk *ret_walk)
{
	const maze_u32 members[] = { layout->frame_code, layout->frame_previous,
				     layout->frame_instruction, layout->frame_owner,
				     layout->frame_is_entry };
	size_t size = last_of(members, 5) + sizeof(maze_u64);
	unsigned char object[PYTHON_OBJECT_MAX];
	struct link *link;
	maze_u64 at;
	int err = python_memory_read(memory, thread + layout->thread_frame, &at, sizeof(at));

	if (!err && layout->cframe_frame != PYTHON_NO_MEMBER)
		err = python_memory_read(memory, at + layout->cframe_frame, &at, sizeof(at));
	if (err)
		return err;
	for (ret_walk->count = 0; at && ret_walk->count < WALK_MAX; at = link->previous) {
		err = python_memory_read(memory, at, object, size);
		if (err)
			return err;
		link = &ret_walk->links[ret_walk->count++];
		memset(link, 0, sizeof(*link));
		link->at = at;
		memcpy(&link->code, object + layout->frame_code, sizeof(link->code));
		link->code &= ~FLAGS_OF_REFERENCE;
		memcpy(&link->previous, object + layout->frame_previous, sizeof(link->previous));
		memcpy(&link->instruction, object + layout->frame_instruction,
		       sizeof(link->instruction));
		link->owner = object[layout->frame_owner];
		if (layout->frame_is_entry != PYTHON_NO_MEMBER)
			link->is_entry = object[layout->frame_is_entry];
	}
	ret_walk->whole = !at;
	return 0;
}

static bool same_link(const struct link *a, const struct link *b)
{
	return a->at == b->at && a->code == b->code && a->owner == b->owner &&
	       a->is_entry == b->is_entry;
}

/*
 * Raises `innermost`, an index in `agreed`, to the innermost frame that `now` has too, and
 * gives this frame its later instruction. Returns false if there is none.
 */
static bool agree(struct walk *agreed, const struct walk *now, size_t *innermost)
{
	size_t i = agreed->count, k = now->count, found = i;
	struct link *link;

	/* Walks that were cut off may have begun at different depths. */
	while (k > 0 && i > 0 && now->links[k - 1].at != agreed->links[i - 1].at)
		k--;
	if (agreed->whole != now->whole || (now->whole && k != now->count))
		return false;
	while (i > *innermost && k > 0) {
		link = &agreed->links[--i];
		if (!same_link(link, &now->links[--k]))
			break;
		found = i;
		if (link->instruction != now->links[k].instruction) {
			link->instruction = now->links[k].instruction;
			break;
		}
	}
	*innermost = found;
	return found < agreed->count;
}

/* Names the frames from `innermost` on. Frames of C code only mark an entry. */
static enum python_refusal name_frames(struct python_memory *memory, struct python_target *target,
				       const struct walk *walked, size_t innermost,
				       struct python_stack *ret_stack)
{
	struct python_frame *frame = NULL;
	const struct link *link;
	size_t i;
	int err;

	ret_stack->count = 0;
	for (i = innermost; i < walked->count; i++) {
		link = &walked->links[i];
		if (link->owner >= OWNER_C) {
			if (frame)
				frame->entry = true;
			continue;
		}
		if (ret_stack->count == PYTHON_FRAMES_MAX)
			break;
		frame = &ret_stack->frames[ret_stack->count];
		err = python_code_frame(memory, &target->layout, &target->types, link->code,
					link->instruction, frame);
		if (err)
			return refusal_of(err);
		frame->entry = link->is_entry;
		if (frame->file[0])
			ret_stack->count++;
		else
			frame = ret_stack->count ? &ret_stack->frames[ret_stack->count - 1] : NULL;
	}
	/* The caller of a thread's first function is always C code. */
	if (i == walked->count && walked->whole && frame)
		frame->entry = true;
	ret_stack->cut = i < walked->count || !walked->whole;
	return ret_stack->count ? PYTHON_FINE : PYTHON_NO_FRAME;
}

enum python_refusal python_stack_read(struct python_memory *memory, struct python_target *target,
				      maze_u32 tid, struct python_stack *ret_stack)
{
	struct walk agreed, now;
	enum python_refusal refusal;
	maze_u64 thread = 0;
	size_t innermost = 0, walks;
	int err;

	refusal = find_thread(memory, target, tid, &thread);
	if (refusal)
		return refusal;
	err = walk(memory, &target->layout, thread, &agreed);
	if (!err && !agreed.count)
		return PYTHON_NO_FRAME;
	for (walks = 1; !err && walks < WALKS; walks++) {
		err = walk(memory, &target->layout, thread, &now);
		if (!err && !agree(&agreed, &now, &innermost))
			return PYTHON_TORN;
	}
	if (err)
		return refusal_of(err);
	return name_frames(memory, target, &agreed, innermost, ret_stack);
}
