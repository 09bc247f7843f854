/* SPDX-License-Identifier: GPL-2.0-only */
/* Names the frames of an episode. Also unwinds the thread's live stack by DWARF. */
#ifndef MAZE_EVIDENCE_SYMBOLIZE_H
#define MAZE_EVIDENCE_SYMBOLIZE_H

#include "../capture/language.h"
#include "../python/python_readers.h"
#include "../symbols/java_maps.h"
#include "episode.h"

struct symbolize_sources {
	struct modules *modules;
	struct resolver *resolver;
	struct python_readers *python;
	struct java_maps *java; /* NULL: no perf map is requested */
	bool blind;		/* opens no file of a process */
};

/* Opens the program of a process that was just read (modules_open_exe()). */
void symbolize_open_exe(struct symbolize_sources *sources, struct episode *episode);
/*
 * Does one step of at most a few milliseconds. Returns true if no step is left, because
 * each frame has a name or will never get one.
 */
bool symbolize_step(struct symbolize_sources *sources, struct episode *episode);
/*
 * Call it once at the end of the episode. It reads the perf map again, because some
 * runtimes write it late. Returns true if symbolize_step() then has more to do.
 */
bool symbolize_again(struct episode *episode);
/* Notes: kernel functions are without names, or a stack is not unwound because of `err`. */
extern const char symbolize_note_kernel[];
const char *symbolize_unwind_refusal(int err);

/* Whether a perf map has named a frame. */
bool symbolize_has_jit_name(const struct episode *episode);
/* Whether this stack exists and symbolize_step() is done with all its frames. */
bool symbolize_has_stack(const struct episode *episode, size_t stack);

#endif
