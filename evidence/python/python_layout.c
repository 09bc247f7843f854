/* SPDX-License-Identifier: GPL-2.0-only */
#include "python_layout.h"

#include <string.h>

#define COOKIE "xdebugpy"
#define MINOR(version) ((version) >> 16)
/* The release level of a final version in PY_VERSION_HEX. */
#define IS_FINAL(version) (((version)&0xf0) == 0xf0)

/* As offsetof() gives them with the headers of 3.11.7 and 3.12.1, on 64 bits. */
static const struct python_layout layouts[] = {
	{ .version = 0x030b,
	  .runtime_interpreters = 40,
	  .interpreter_next = 0,
	  .interpreter_threads = 16,
	  .thread_next = 8,
	  .thread_id = 160,
	  .thread_frame = 56,
	  .cframe_frame = 8,
	  .frame_code = 32,
	  .frame_previous = 48,
	  .frame_instruction = 56,
	  .frame_owner = 69,
	  .frame_is_entry = 68,
	  .code_file = 112,
	  .code_function = 128,
	  .code_lines = 136,
	  .code_first_line = 72,
	  .code_bytes = 184,
	  .object_type = 8,
	  .type_name = 24,
	  .var_size = 16,
	  .bytes_data = 32,
	  .text_state = 32,
	  .text_length = 16,
	  .text_ascii = 48,
	  .text_other = 72 },
	{ .version = 0x030c,
	  .runtime_interpreters = 40,
	  .interpreter_next = 0,
	  .interpreter_threads = 72,
	  .thread_next = 8,
	  .thread_id = 144,
	  .thread_frame = 56,
	  .cframe_frame = 0,
	  .frame_code = 0,
	  .frame_previous = 8,
	  .frame_instruction = 56,
	  .frame_owner = 70,
	  .frame_is_entry = PYTHON_NO_MEMBER,
	  .code_file = 112,
	  .code_function = 128,
	  .code_lines = 136,
	  .code_first_line = 68,
	  .code_bytes = 192,
	  .object_type = 8,
	  .type_name = 24,
	  .var_size = 16,
	  .bytes_data = 32,
	  .text_state = 32,
	  .text_length = 16,
	  .text_ascii = 40,
	  .text_other = 56 },
};

/* _Py_DebugOffsets consists of 64-bit words. The number of words that are read. */
#define WORDS_MAX 81
#define WORD_VERSION 1
#define WORD_FREE_THREADED 2

/*
 * Which word has an offset, in 3.13 and in 3.14, and what it must be less than. Members of
 * the state of an interpreter may be far from its start.
 */
#define FAR (4U << 20)
static const struct {
	size_t member;
	unsigned char word[2];
	maze_u32 limit;
} words[] = {
#define WORD(member, old, new, limit)                                                              \
	{                                                                                          \
		offsetof(struct python_layout, member), { old, new }, limit                        \
	}
	WORD(runtime_interpreters, 5, 5, FAR),
	WORD(interpreter_next, 8, 8, FAR),
	WORD(interpreter_threads, 9, 9, FAR),
	WORD(thread_next, 21, 24, PYTHON_OBJECT_MAX),
	WORD(thread_frame, 23, 26, PYTHON_OBJECT_MAX),
	WORD(thread_id, 25, 28, PYTHON_OBJECT_MAX),
	WORD(frame_previous, 29, 32, PYTHON_OBJECT_MAX),
	WORD(frame_code, 30, 33, PYTHON_OBJECT_MAX),
	WORD(frame_instruction, 31, 34, PYTHON_OBJECT_MAX),
	WORD(frame_owner, 33, 36, PYTHON_OBJECT_MAX),
	WORD(code_file, 35, 40, PYTHON_OBJECT_MAX),
	WORD(code_function, 37, 42, PYTHON_OBJECT_MAX),
	WORD(code_lines, 38, 43, PYTHON_OBJECT_MAX),
	WORD(code_first_line, 39, 44, PYTHON_OBJECT_MAX),
	WORD(code_bytes, 43, 48, PYTHON_OBJECT_MAX),
	WORD(object_type, 45, 51, PYTHON_OBJECT_MAX),
	WORD(type_name, 47, 53, PYTHON_OBJECT_MAX),
	WORD(var_size, 65, 75, PYTHON_OBJECT_MAX),
	WORD(bytes_data, 66, 76, PYTHON_OBJECT_MAX),
	/* The size of a string object, which ends in a pointer to its data. */
	WORD(text_other, 67, 77, PYTHON_OBJECT_MAX),
	WORD(text_state, 68, 78, PYTHON_OBJECT_MAX),
	WORD(text_length, 69, 79, PYTHON_OBJECT_MAX),
	WORD(text_ascii, 70, 80, PYTHON_OBJECT_MAX),
#undef WORD
};

static enum python_refusal from_offsets(const maze_u64 *offsets, struct python_layout *ret_layout)
{
	struct python_layout layout = { .version = (maze_u32)offsets[WORD_VERSION],
					.cframe_frame = PYTHON_NO_MEMBER,
					.frame_is_entry = PYTHON_NO_MEMBER };
	maze_u32 minor = MINOR(layout.version), offset;
	size_t i;

	if (minor != 0x030d && minor != 0x030e)
		return PYTHON_VERSION;
	if (!IS_FINAL(layout.version))
		return PYTHON_PRERELEASE;
	if (offsets[WORD_FREE_THREADED])
		return PYTHON_FREE_THREADED;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (offsets[words[i].word[minor - 0x030d]] > words[i].limit - sizeof(maze_u64))
			return PYTHON_LAYOUT;
		offset = (maze_u32)offsets[words[i].word[minor - 0x030d]];
		memcpy((char *)&layout + words[i].member, &offset, sizeof(offset));
	}
	if (layout.text_other < sizeof(maze_u64))
		return PYTHON_LAYOUT;
	layout.text_other -= (maze_u32)sizeof(maze_u64);
	*ret_layout = layout;
	return PYTHON_FINE;
}

enum python_refusal python_layout_find(struct python_memory *memory, maze_u64 runtime,
				       maze_u64 version, struct python_layout *ret_layout)
{
	maze_u64 offsets[WORDS_MAX];
	size_t i;

	if (python_memory_read(memory, runtime, offsets, sizeof(offsets)))
		return PYTHON_UNREADABLE;
	if (!memcmp(offsets, COOKIE, sizeof(COOKIE) - 1))
		return from_offsets(offsets, ret_layout);
	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (MINOR(version) != layouts[i].version)
			continue;
		if (!IS_FINAL(version))
			return PYTHON_PRERELEASE;
		*ret_layout = layouts[i];
		ret_layout->version = (maze_u32)version;
		return PYTHON_FINE;
	}
	return PYTHON_VERSION;
}
