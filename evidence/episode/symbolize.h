/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gives the frames of an episode their names: finds the files, asks the resolver, and asks
 * for the one unwind.
 */
#ifndef MAZE_EVIDENCE_SYMBOLIZE_H
#define MAZE_EVIDENCE_SYMBOLIZE_H

#include "episode.h"

struct symbolize_sources {
	struct modules *modules;
	struct resolver *resolver;
	bool blind; /* opens no file that a process has */
};

/*
 * One step, of some milliseconds at most. True: all of its frames are settled, with a name
 * or without, and no unwind is awaited.
 */
bool symbolize_step(struct symbolize_sources *sources, struct episode *episode);
/*
 * The episode is over: runtimes write their perf map late, and some only when they are told
 * to. False: no frame lacks a name that it may have by now, or this was done before.
 */
bool symbolize_again(struct episode *episode);
/* Whether all frames of that stack are settled; false when there is none. */
bool symbolize_has_stack(const struct episode *episode, size_t stack);

#endif
