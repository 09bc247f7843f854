/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists the streaks of observed tasks (core/streaks.h). */
#include "handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct collection {
	struct maze_streaks *classes;
	size_t count;
};

static int collect(const struct maze_streaks *streaks, void *arg)
{
	struct collection *all = arg;

	if (!all->classes)
		all->classes = calloc(MAZE_STREAK_CLASSES, sizeof(*all->classes));
	if (!all->classes)
		return -ENOMEM;
	if (all->count == MAZE_STREAK_CLASSES)
		return -E2BIG;
	all->classes[all->count++] = *streaks;
	return 0;
}

int maze_list_streaks(struct maze *maze, struct maze_streaks **ret_classes, size_t *ret_count,
		      struct maze_error *error)
{
	struct maze_error why = { "" };
	struct collection all = { 0 };
	int err;

	err = maze->ops->streaks(maze->engine, collect, &all, &why);
	if (err) {
		free(all.classes);
		return maze_fail(error, err, "%s", why.text[0] ? why.text : strerror(-err));
	}
	*ret_classes = all.classes;
	*ret_count = all.count;
	return 0;
}
