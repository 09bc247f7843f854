/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watches groups: processes, trees and control groups (core/budget.h). lib/ opens a
 * private poll engine for them beside an engine in the kernel. The kernel keeps a clock
 * for each process and each control group, so no switch handler takes part.
 */
#ifndef MAZE_POLL_GROUPS_H
#define MAZE_POLL_GROUPS_H

#include "../engine.h"

/*
 * Watches a group. `fd` is a pidfd (scopes process and tree) or a descriptor of the
 * directory of a control group. Errors are those of watch() of engine.h. -EOPNOTSUPP: not
 * a control group of version 2, or the kernel cannot kill one.
 */
int poll_group_watch(struct engine *engine, int fd, const struct maze_policy *policy,
		     const struct engine_claim *claim, struct maze_error *error);
/* Ends the watch of the group with this scope. -ENOENT: there is none in the claim. */
int poll_group_unwatch(struct engine *engine, enum maze_policy_scope scope, int fd,
		       const struct engine_claim *claim, struct maze_error *error);
/* Calls `each` for each group, as list() of engine.h does. */
int poll_group_list(struct engine *engine, int (*each)(const struct maze_group *group, void *arg),
		    void *arg);
/*
 * From now on, orphans that become children of this process become members of the tree
 * with this tag. The caller is a subreaper, and calls service() before it reaps a child.
 */
void poll_group_adopt(struct engine *engine, maze_u64 tag);

#endif
