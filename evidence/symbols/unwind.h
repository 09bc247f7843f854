/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frames of a snapshot, by the unwind tables of the mapped modules. Runs in the
 * symbolizer process, like symbols.h.
 */
#ifndef MAZE_EVIDENCE_UNWIND_H
#define MAZE_EVIDENCE_UNWIND_H

#include "../capture/snapshot.h"
#include "symbols.h"

#define UNWIND_FRAMES_MAX 64

struct unwind_module {
	struct symbols_files files;
	maze_u64 start;	 /* address of its executable mapping */
	maze_u64 offset; /* in the file at `start` */
};

struct unwind_frame {
	maze_u64 address;
	bool exact; /* else a return address */
};

/*
 * Innermost first. Returns their number; 0: cannot be unwound. `ret_frames` has room for
 * UNWIND_FRAMES_MAX.
 */
size_t unwind_frames(const struct snapshot *snapshot, const struct unwind_module *modules,
		     size_t count, struct unwind_frame *ret_frames);

#endif
