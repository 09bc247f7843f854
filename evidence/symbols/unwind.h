/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The callers in a snapshot, by the unwind tables of the modules that the process had
 * mapped. Runs in the helper process, as symbols.h does, and for the same reason.
 */
#ifndef MAZE_EVIDENCE_UNWIND_H
#define MAZE_EVIDENCE_UNWIND_H

#include "../capture/snapshot.h"
#include "symbols.h"

#define UNWIND_FRAMES_MAX 64

/* A module where the process has it. */
struct unwind_module {
	struct symbols_files files;
	maze_u64 start;	 /* address of its executable mapping */
	maze_u64 offset; /* of the file there */
};

struct unwind_frame {
	maze_u64 address;
	bool exact; /* where it was; else where it would have returned to */
};

/* How many frames, innermost first; 0: not to be unwound. Room for UNWIND_FRAMES_MAX. */
size_t unwind_frames(const struct snapshot *snapshot, const struct unwind_module *modules,
		     size_t count, struct unwind_frame *ret_frames);

#endif
