/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the Python stack of the runaway thread next to its samples. A sample is taken in
 * the kernel and a Python stack a moment later, so they are counted apart.
 */
#ifndef MAZE_EVIDENCE_PYTHON_READS_H
#define MAZE_EVIDENCE_PYTHON_READS_H

#include "symbolize.h"

/* Requests a read, because the thread has just given a sample or a verdict. */
void python_reads_want(struct episode *episode);
/* Never waits. Returns true while an answer is expected. */
bool python_reads_step(struct symbolize_sources *sources, struct episode *episode);
void python_reads_stop(struct symbolize_sources *sources, struct episode *episode);

/*
 * Returns NULL and the PY_VERSION_HEX of the interpreter if stacks of a process without an
 * episode could be read, else a note with the reason. Waits for two seconds at most.
 */
const char *python_reads_check(struct symbolize_sources *sources, const struct process_info *live,
			       pid_t tid, maze_u32 *ret_version);
/* Returns the index of the stack among the distinct ones, or -1 if there is no room. */
int python_reads_index(struct episode_python *python, json_t *stack);

#endif
