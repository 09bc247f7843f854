/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_LIB_HANDLE_H
#define MAZE_LIB_HANDLE_H

#include "../engine/engine.h"
#include "../base/error.h"
#include "maze.h"

struct maze {
	const struct engine_ops *ops;
	struct engine *engine;
	struct engine *groups; /* the poll engine that watches groups; NULL: none yet */
	struct maze_reader *readers;
	bool spares;	/* maze_spare_program() was called */
	char why[1024]; /* why no better engine was chosen; "": this is the best */
};

/* ---- groups.c --------------------------------------------------------------------- */

/* Watches the process of the pidfd as a group, or the tree of which it is the root. */
int groups_watch(struct maze *maze, int fd, const struct maze_policy *policy,
		 const struct engine_claim *claim, struct maze_error *error);
/* Ends the group of this process with this scope. -ENOENT: there is none. */
int groups_unwatch(struct maze *maze, enum maze_policy_scope scope, int fd,
		   const struct engine_claim *claim, struct maze_error *error);
/* As allow() of engine.h, for groups. */
int groups_allow(struct maze *maze, maze_u64 tag, const struct maze_allowance *allowance,
		 struct maze_error *error);
void groups_unwatch_all(struct maze *maze, const struct engine_claim *claim);
/* Makes this process a subreaper, whose new children become members of the tree. */
int groups_adopt(struct maze *maze, maze_u64 tag);
void groups_service(struct maze *maze);
void groups_close(struct maze *maze);

/* ---- reader.c --------------------------------------------------------------------- */

/* Adds the records of groups to all readers of the handle. */
int readers_add_groups(struct maze *maze, struct maze_error *error);

#endif
