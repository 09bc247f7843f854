/* SPDX-License-Identifier: GPL-2.0-only */
/* Names the frames of an episode, and unwinds its live stack once by DWARF. */
#ifndef MAZE_EVIDENCE_SYMBOLIZE_H
#define MAZE_EVIDENCE_SYMBOLIZE_H

#include "episode.h"

struct symbolize_sources {
	struct modules *modules;
	struct resolver *resolver;
	bool blind; /* opens no file of a process */
};

/*
 * One step of at most a few milliseconds. True: done, each frame has a name or never gets
 * one.
 */
bool symbolize_step(struct symbolize_sources *sources, struct episode *episode);
/*
 * At the end of the episode, once: reads the perf map again, which runtimes write late.
 * True: symbolize_step() has more to do.
 */
bool symbolize_again(struct episode *episode);
/* Whether symbolize_step() is done with this stack; false if it does not exist. */
bool symbolize_has_stack(const struct episode *episode, size_t stack);

#endif
