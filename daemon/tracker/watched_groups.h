/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of the trees and control groups that rules watch. Groups live in the engine,
 * so this table is only what the engine does not tell: the start times of the roots of
 * trees, and the paths of control groups.
 */
#ifndef MAZE_DAEMON_WATCHED_GROUPS_H
#define MAZE_DAEMON_WATCHED_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../../base/cgroup.h"
#include "../../core/policy.h"

struct watched_group {
	enum maze_policy_scope scope;
	maze_u64 id; /* of a tree: the PID of its root; of a control group: cgroup_id() */
	maze_u64 tag;
	maze_u64 start;	     /* of a tree: the start time of its root in clock ticks */
	char *cgroup;	     /* the path; NULL: a tree */
	uid_t owner;	     /* of a control group: who owns its directory */
	maze_u64 claimed_ns; /* CLOCK_MONOTONIC at the last claim */
	bool current;	     /* claimed under the rules in force */
	bool moved;	     /* a process may have moved into it since the last claim */
};

struct watched_groups {
	struct watched_group *groups;
	size_t count, room;
	size_t prune_at;
};

/* All pointers to groups are valid until the next call of add, remove or prune. */
struct watched_group *watched_groups_find(const struct watched_groups *groups,
					  enum maze_policy_scope scope, maze_u64 id);
/* Copies *group, with a copy of its path. NULL: out of memory. */
struct watched_group *watched_groups_add(struct watched_groups *groups,
					 const struct watched_group *group,
					 const struct cgroup_fs *fs);
void watched_groups_remove(struct watched_groups *groups, struct watched_group *group);
/* Removes trees whose root has ended, and control groups that no longer exist. */
void watched_groups_prune(struct watched_groups *groups, const struct cgroup_fs *fs);
/* Number of control groups of this owner. */
size_t watched_groups_owned(const struct watched_groups *groups, uid_t owner);
void watched_groups_done(struct watched_groups *groups);

/* Returns a descriptor of the control group; -ENOENT: it no longer exists. */
int watched_group_open(const struct watched_group *group, const struct cgroup_fs *fs);
/* Returns a pidfd of the root of the tree; -ESRCH: it has ended. */
int watched_tree_open(const struct watched_group *group);

#endif
