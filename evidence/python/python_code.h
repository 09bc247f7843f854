/* SPDX-License-Identifier: GPL-2.0-only */
/* Names a location in a code object of CPython: function, file and line. */
#ifndef MAZE_EVIDENCE_PYTHON_CODE_H
#define MAZE_EVIDENCE_PYTHON_CODE_H

#include "python_layout.h"

/* Longer names are cut off. */
#define PYTHON_NAME_MAX 512

/* UTF-8 in both texts. */
struct python_frame {
	char function[PYTHON_NAME_MAX]; /* the qualified name */
	char file[PYTHON_NAME_MAX];	/* "": a frame that CPython itself made */
	unsigned int line;		/* 0: unknown */
	bool entry; /* C code has called this function: the interpreter was entered with it */
};

/* The types that objects must have. They are found by their names at the first object. */
struct python_types {
	maze_u64 code, text, bytes;
};

/*
 * `instruction` is an address in the code, of an instruction or of one of its caches.
 * Returns 0, -EAGAIN if there is no such code object, or the error of a read.
 */
int python_code_frame(struct python_memory *memory, const struct python_layout *layout,
		      struct python_types *types, maze_u64 code, maze_u64 instruction,
		      struct python_frame *ret_frame);

#endif
