/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_LIB_HANDLE_H
#define MAZE_LIB_HANDLE_H

#include "../engine/engine.h"
#include "../base/error.h"
#include "maze.h"

struct maze {
	const struct engine_ops *ops;
	struct engine *engine;
	char why[1024]; /* why no better engine was chosen; "": this is the best */
};

#endif
