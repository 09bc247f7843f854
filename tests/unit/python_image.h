/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a CPython interpreter with one thread, as bytes: made for each version from
 * the layout that the product has of it. Shared by the unit test and the fuzzer.
 */
#ifndef MAZE_TEST_PYTHON_IMAGE_H
#define MAZE_TEST_PYTHON_IMAGE_H

#include <string.h>

#include "evidence/python/python_stack.h"

#define IMAGE_BASE 0x7f0000000000ULL
#define IMAGE_SIZE 32768
#define IMAGE_RUNTIME IMAGE_BASE
#define IMAGE_TID 4711
/* The types of objects. */
enum { IMAGE_CODE, IMAGE_TEXT, IMAGE_BYTES, IMAGE_TYPES };

struct image {
	unsigned char bytes[IMAGE_SIZE];
	size_t used;
	struct python_layout layout;
	maze_u64 type[IMAGE_TYPES];
	maze_u64 thread, frame; /* the latter: the outermost so far, to which a caller is added */
	maze_u64 frame_slot;	/* where the address of the innermost frame stands */
	unsigned int reads;
	/* Called before each read, to change what is read. */
	void (*before)(struct image *image);
};

/* The words of _Py_DebugOffsets in CPython 3.13.0, from its third on. */
static const maze_u32 image_words[] = {
	0,    283320, 608, 632, 194968, 7272, 7264, 7344, 7400, 7656, 7640, 7648, 16, 7752, 0,
	7768, 7760,   304, 0,	8,	16,   72,   152,  160,	232,  32,   80,	  8,  0,    56,
	72,   70,     208, 112, 120,	128,  136,  68,	  52,	96,   104,  200,  16, 8,    416,
	24,   88,     168, 32,	24,	16,   40,   24,	  16,	48,   32,   40,	  24, 16,   32,
	16,   24,     40,  16,	32,	64,   32,   16,	  40,	240,  200,
};

static inline bool image_read(void *arg, maze_u64 address, void *buf, size_t size)
{
	struct image *image = arg;

	image->reads++;
	if (image->before)
		image->before(image);
	if (address < IMAGE_BASE || address - IMAGE_BASE > IMAGE_SIZE - size)
		return false;
	memcpy(buf, image->bytes + (address - IMAGE_BASE), size);
	return true;
}

static inline struct python_memory image_memory(struct image *image)
{
	return (struct python_memory){ .read = image_read,
				       .arg = image,
				       .reads_left = PYTHON_READS_MAX };
}

static inline maze_u64 image_room(struct image *image, size_t size)
{
	maze_u64 at = IMAGE_BASE + image->used;

	image->used += (size + 15) & ~(size_t)15;
	return at;
}

static inline void image_put(struct image *image, maze_u64 at, const void *value, size_t size)
{
	memcpy(image->bytes + (at - IMAGE_BASE), value, size);
}

static inline void image_word(struct image *image, maze_u64 at, maze_u64 value)
{
	image_put(image, at, &value, sizeof(value));
}

static inline maze_u64 image_object(struct image *image, size_t size, int type)
{
	maze_u64 at = image_room(image, size);

	image_word(image, at + image->layout.object_type, image->type[type]);
	return at;
}

static inline maze_u64 image_text(struct image *image, const char *text)
{
	size_t length = strlen(text);
	/* Compact, ASCII, one byte for each character. */
	const maze_u32 state = 1 << 2 | 1 << 5 | 1 << 6;
	maze_u64 at = image_object(image, image->layout.text_ascii + length + 1, IMAGE_TEXT);

	image_word(image, at + image->layout.text_length, length);
	image_put(image, at + image->layout.text_state, &state, sizeof(state));
	image_put(image, at + image->layout.text_ascii, text, length + 1);
	return at;
}

/* A code object of a hundred units, with a table of lines. */
static inline maze_u64 image_code(struct image *image, const char *function, const char *file,
				  maze_u32 first_line, const void *lines, size_t lines_size)
{
	const struct python_layout *layout = &image->layout;
	maze_u64 at = image_object(image, layout->code_bytes + 200, IMAGE_CODE), table;

	image_word(image, at + layout->var_size, 100);
	image_word(image, at + layout->code_function, image_text(image, function));
	image_word(image, at + layout->code_file, image_text(image, file));
	image_put(image, at + layout->code_first_line, &first_line, sizeof(first_line));
	table = image_object(image, layout->bytes_data + lines_size, IMAGE_BYTES);
	image_word(image, table + layout->var_size, lines_size);
	image_put(image, table + layout->bytes_data, lines, lines_size);
	image_word(image, at + layout->code_lines, table);
	return at;
}

/*
 * Adds a frame that calls the last one, at a code unit. Code 0: a frame of C code. With
 * `entry`, C code has called the function; from 3.12 on such a frame of C code says so.
 */
static inline maze_u64 image_frame(struct image *image, maze_u64 code, unsigned int unit,
				   unsigned char entry)
{
	const struct python_layout *layout = &image->layout;
	unsigned char owner = code ? 0 : 3;
	maze_u64 at = image_room(image, 128);

	image_word(image, at + layout->frame_code, code);
	image_word(image, at + layout->frame_instruction, code + layout->code_bytes + 2 * unit);
	image_put(image, at + layout->frame_owner, &owner, 1);
	if (layout->frame_is_entry != PYTHON_NO_MEMBER)
		image_put(image, at + layout->frame_is_entry, &entry, 1);
	image_word(image, image->frame ? image->frame + layout->frame_previous : image->frame_slot,
		   at);
	image->frame = at;
	if (code && entry && layout->frame_is_entry == PYTHON_NO_MEMBER)
		image_frame(image, 0, 0, 0);
	return at;
}

/* Writes the description of the structures that 3.13 and later have. */
static inline void image_describe(struct image *image, maze_u32 version)
{
	/* The words that 3.14 has in addition, among those that maze reads. */
	static const unsigned char added[] = { 10, 20, 21, 37, 38, 49, 62, 63, 64, 65 };
	size_t count = sizeof(image_words) / sizeof(image_words[0]), from, to, next = 0;

	memcpy(image->bytes, "xdebugpy", 8);
	image_word(image, IMAGE_RUNTIME + 8, version);
	for (from = 0, to = 2; from < count; to++) {
		if (version >= 0x030e0000 && next < sizeof(added) && added[next] == to)
			next++;
		else
			image_word(image, IMAGE_RUNTIME + 8 * to, image_words[from++]);
	}
}

/* Returns what python_layout_find() does. */
static inline enum python_refusal image_make(struct image *image, maze_u32 version)
{
	static const char *const names[IMAGE_TYPES] = { "code", "str", "bytes" };
	const struct python_layout *layout = &image->layout;
	maze_u64 interpreter, name, cframe, tid = IMAGE_TID;
	struct python_memory memory = image_memory(image);
	enum python_refusal refusal;
	int i;

	memset(image, 0, sizeof(*image));
	image_room(image, 1024);
	if (version >= 0x030d0000)
		image_describe(image, version);
	refusal = python_layout_find(&memory, IMAGE_RUNTIME, version, &image->layout);
	if (refusal)
		return refusal;
	for (i = 0; i < IMAGE_TYPES; i++) {
		image->type[i] = image_room(image, 64);
		name = image_room(image, 16);
		image_put(image, name, names[i], strlen(names[i]) + 1);
		image_word(image, image->type[i] + layout->type_name, name);
	}
	interpreter = image_room(image, layout->interpreter_threads + 16);
	image_word(image, IMAGE_RUNTIME + layout->runtime_interpreters, interpreter);
	image->thread = image_room(image, 512);
	image_word(image, interpreter + layout->interpreter_threads, image->thread);
	image_word(image, image->thread + layout->thread_id, tid);
	image->frame_slot = image->thread + layout->thread_frame;
	if (layout->cframe_frame != PYTHON_NO_MEMBER) {
		cframe = image_room(image, 64);
		image_word(image, image->frame_slot, cframe);
		image->frame_slot = cframe + layout->cframe_frame;
	}
	return PYTHON_FINE;
}

/*
 * Ten units one line below the first line, ten more two lines further down, and the rest
 * without a line.
 */
static const unsigned char image_lines[] = { 0xef, 0x02, 0xe9, 0x00, 0xef, 0x04, 0x81, 0x00, 0xff,
					     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* leaf() called by handler(), called by C code, called by <module>. */
static inline void image_fill(struct image *image)
{
	image_frame(image,
		    image_code(image, "leaf", "/srv/leaf.py", 10, image_lines, sizeof(image_lines)),
		    3, 0);
	image_frame(image,
		    image_code(image, "Handler.run", "/srv/app.py", 20, image_lines,
			       sizeof(image_lines)),
		    12, 1);
	image_frame(
		image,
		image_code(image, "<module>", "/srv/app.py", 1, image_lines, sizeof(image_lines)),
		3, 1);
}

#endif
