/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the structures of a CPython interpreter have the members that a stack needs.
 * CPython from 3.13 on describes them at the start of _PyRuntime (_Py_DebugOffsets). For
 * 3.11 and 3.12 they are constants, because the structures do not change within a minor
 * version.
 */
#ifndef MAZE_EVIDENCE_PYTHON_LAYOUT_H
#define MAZE_EVIDENCE_PYTHON_LAYOUT_H

#include "python_memory.h"

/* The maximum of bytes that are read at once of a thread, a frame or another object. */
#define PYTHON_OBJECT_MAX 512
/* The offset of a member that the version does not have. */
#define PYTHON_NO_MEMBER 0xffff

struct python_layout {
	maze_u32 version; /* PY_VERSION_HEX */
	maze_u32 runtime_interpreters;
	maze_u32 interpreter_next, interpreter_threads;
	maze_u32 thread_next, thread_id; /* the latter: native_thread_id */
	maze_u32 thread_frame;
	maze_u32 cframe_frame; /* `thread_frame` has a _PyCFrame; or PYTHON_NO_MEMBER */
	maze_u32 frame_code, frame_previous, frame_instruction, frame_owner;
	maze_u32 frame_is_entry; /* 3.11; PYTHON_NO_MEMBER: C code has frames of its own */
	maze_u32 code_file, code_function, code_lines, code_first_line, code_bytes;
	maze_u32 object_type, type_name;
	maze_u32 var_size, bytes_data;
	/* A string: its state and length, its data if it is ASCII, and if it is not. */
	maze_u32 text_state, text_length, text_ascii, text_other;
};

/* Why there is no layout or no stack. */
enum python_refusal {
	PYTHON_FINE,
	PYTHON_NO_INTERPRETER, /* the file has no _PyRuntime */
	PYTHON_VERSION,	       /* neither of 3.11 to 3.14 */
	PYTHON_PRERELEASE,
	PYTHON_FREE_THREADED,
	PYTHON_LAYOUT, /* the structures are not as this version has them */
	PYTHON_NO_THREAD,
	PYTHON_NO_FRAME,
	PYTHON_TORN,
	PYTHON_UNREADABLE,
	PYTHON_REFUSALS,
};

/*
 * `runtime` is the address of _PyRuntime. `version` is the value of Py_Version, or 0 if it
 * is unknown, which only 3.13 and later allow.
 */
enum python_refusal python_layout_find(struct python_memory *memory, maze_u64 runtime,
				       maze_u64 version, struct python_layout *ret_layout);

#endif
