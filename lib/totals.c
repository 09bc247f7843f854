/* SPDX-License-Identifier: GPL-2.0-only */
#include "totals.h"

#include <errno.h>
#include <string.h>

#include "handle.h"

struct receiver {
	int (*each)(const struct maze_total *total, void *arg);
	void *arg;
};

static int pass_on(const struct maze_entry *entry, void *arg)
{
	const struct receiver *receiver = arg;
	struct maze_total total = { .tag = entry->tag };

	maze_total_add(&total, entry->count_ns, entry->soft_ns, entry->hard_ns);
	return receiver->each(&total, receiver->arg);
}

int maze_totals(struct maze *maze, int (*each)(const struct maze_total *total, void *arg),
		void *arg, struct maze_error *error)
{
	struct receiver receiver = { each, arg };
	struct maze_error why = { "" };
	int err = maze->ops->totals ? maze->ops->totals(maze->engine, each, arg) : -EOPNOTSUPP;

	if (err == -EOPNOTSUPP)
		err = maze->ops->list(maze->engine, pass_on, &receiver, &why);
	return err ? maze_fail(error, err, "%s", why.text[0] ? why.text : strerror(-err)) : 0;
}
