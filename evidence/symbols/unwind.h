/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the frames of a snapshot by the unwind tables of the mapped modules. It runs in
 * the symbolizer process, like symbols.h.
 */
#ifndef MAZE_EVIDENCE_UNWIND_H
#define MAZE_EVIDENCE_UNWIND_H

#include "../capture/snapshot.h"
#include "symbols.h"

#define UNWIND_FRAMES_MAX 64

struct unwind_module {
	struct symbols_files files;
	maze_u64 start;	 /* the address of its executable mapping */
	maze_u64 offset; /* the file offset of `start` */
};

struct unwind_frame {
	maze_u64 address;
	bool exact; /* false: a return address */
};

/*
 * Writes the frames, innermost first. Returns their number, or 0 if the unwind fails.
 * `ret_frames` has room for UNWIND_FRAMES_MAX.
 */
size_t unwind_frames(const struct snapshot *snapshot, const struct unwind_module *modules,
		     size_t count, struct unwind_frame *ret_frames);

#endif
