/* SPDX-License-Identifier: GPL-2.0-only */
/* The last runs of a thread before its verdict. It is not a part of the public API. */
#ifndef MAZE_LIB_RUNS_H
#define MAZE_LIB_RUNS_H

#include "../core/runs.h"
#include "maze.h"

/*
 * Reads the runs up to the last verdict of an episode, oldest first. Call it at each
 * verdict: the engine keeps them for some seconds. Returns 0, -ENOENT if there are none, or
 * -EOPNOTSUPP if the engine notes no runs.
 */
int evidence_runs(struct maze_evidence *evidence, maze_u32 pid, maze_u32 tid, maze_u32 episode,
		  struct maze_last_runs *ret_runs);

#endif
