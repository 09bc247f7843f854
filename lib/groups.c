/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups. The poll engine watches them, also for a handle with an engine in the kernel:
 * then the handle has a private poll engine beside it, from the first group on.
 */
#include "handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "../engine/poll/groups.h"

static int open_groups(struct maze *maze, struct maze_error *error)
{
	struct maze_error why = { "" };
	int err;

	if (maze->groups)
		return 0;
	if (maze->ops == &engine_poll) {
		maze->groups = maze->engine;
		return 0;
	}
	err = engine_poll.open(ENGINE_PRIVATE, &maze->groups, &why);
	if (err)
		return maze_fail(error, err, "groups cannot be measured here: %s", why.text);
	if (maze->spares)
		engine_poll.spare_program(maze->groups);
	err = readers_add_groups(maze, error);
	if (err)
		groups_close(maze);
	return err;
}

void groups_close(struct maze *maze)
{
	if (maze->groups && maze->groups != maze->engine)
		engine_poll.close(maze->groups);
	maze->groups = NULL;
}

int groups_watch(struct maze *maze, int fd, const struct maze_policy *policy,
		 const struct engine_claim *claim, struct maze_error *error)
{
	int err = open_groups(maze, error);

	return err ? err : poll_group_watch(maze->groups, fd, policy, claim, error);
}

int groups_unwatch(struct maze *maze, enum maze_policy_scope scope, int fd,
		   const struct engine_claim *claim, struct maze_error *error)
{
	if (!maze->groups)
		return maze_fail(error, -ENOENT, "it is not watched");
	return poll_group_unwatch(maze->groups, scope, fd, claim, error);
}

int groups_allow(struct maze *maze, maze_u64 tag, const struct maze_allowance *allowance,
		 struct maze_error *error)
{
	int err = allowance ? open_groups(maze, error) : 0;

	return err || !maze->groups ? err : engine_poll.allow(maze->groups, tag, allowance, error);
}

void groups_unwatch_all(struct maze *maze, const struct engine_claim *claim)
{
	if (maze->groups && maze->groups != maze->engine)
		engine_poll.unwatch_all(maze->groups, claim, NULL);
}

int groups_adopt(struct maze *maze, maze_u64 tag)
{
	if (!maze->groups)
		return 0;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -errno;
	poll_group_adopt(maze->groups, tag);
	return 1;
}

void groups_service(struct maze *maze)
{
	if (maze->groups && maze->groups != maze->engine)
		engine_poll.service(maze->groups);
}

int maze_claim_cgroup(struct maze *maze, int dir, const struct maze_policy *policy, maze_u64 tag,
		      maze_u64 mask, struct maze_error *error)
{
	struct engine_claim claim = { .tag = tag, .mask = mask };
	int err = maze_policy_explain(policy, error);

	return err ? err : groups_watch(maze, dir, policy, &claim, error);
}

int maze_release_group(struct maze *maze, enum maze_policy_scope scope, int fd, maze_u64 tag,
		       maze_u64 mask, struct maze_error *error)
{
	struct engine_claim claim = { .tag = tag, .mask = mask };

	return groups_unwatch(maze, scope, fd, &claim, error);
}

struct collection {
	struct maze_group *groups;
	size_t count, room;
};

static int collect(const struct maze_group *group, void *arg)
{
	struct collection *all = arg;
	struct maze_group *grown;
	size_t room;

	if (all->count == all->room) {
		room = all->room ? all->room * 2 : 16;
		grown = reallocarray(all->groups, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		all->groups = grown;
		all->room = room;
	}
	all->groups[all->count++] = *group;
	return 0;
}

int maze_list_groups(struct maze *maze, struct maze_group **ret_groups, size_t *ret_count,
		     struct maze_error *error)
{
	struct collection all = { 0 };
	int err = maze->groups ? poll_group_list(maze->groups, collect, &all) : 0;

	if (err) {
		free(all.groups);
		return maze_fail(error, err, "%s", strerror(-err));
	}
	*ret_groups = all.groups;
	*ret_count = all.count;
	return 0;
}
