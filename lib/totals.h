/* SPDX-License-Identifier: GPL-2.0-only */
/* The watched threads, added up by tag: cheaper than maze_list(), for mazed. */
#ifndef MAZE_LIB_TOTALS_H
#define MAZE_LIB_TOTALS_H

#include "../core/total.h"
#include "maze.h"

/*
 * Calls `each` with the totals of the tasks that maze_list() has. A tag may come in several
 * parts. If `each` returns a value other than 0, this ends and returns that value.
 */
int maze_totals(struct maze *maze, int (*each)(const struct maze_total *total, void *arg),
		void *arg, struct maze_error *error);

#endif
