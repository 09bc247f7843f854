/* SPDX-License-Identifier: GPL-2.0-only */
/* Until the engine measures groups; removed then. */
#include "maze.h"

#include <errno.h>

int maze_claim_cgroup(struct maze *maze, int dir, const struct maze_policy *policy, maze_u64 tag,
		      maze_u64 mask, struct maze_error *error)
{
	(void)maze, (void)dir, (void)policy, (void)tag, (void)mask, (void)error;
	return -EOPNOTSUPP;
}

int maze_list_groups(struct maze *maze, struct maze_group **ret_groups, size_t *ret_count,
		     struct maze_error *error)
{
	(void)maze, (void)ret_groups, (void)ret_count, (void)error;
	return 0;
}
