/* SPDX-License-Identifier: GPL-2.0-only */
#include "watched_groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "../../base/proc_files.h"

/* Below this number, ended groups take too little memory to look for them. */
#define PRUNE_MIN 128

struct watched_group *watched_groups_find(const struct watched_groups *groups,
					  enum maze_policy_scope scope, maze_u64 id)
{
	size_t i;

	for (i = 0; i < groups->count; i++)
		if (groups->groups[i].id == id && groups->groups[i].scope == scope)
			return &groups->groups[i];
	return NULL;
}

struct watched_group *watched_groups_add(struct watched_groups *groups,
					 const struct watched_group *group,
					 const struct cgroup_fs *fs)
{
	struct watched_group *grown, copy = *group;

	if (groups->count >= groups->prune_at) {
		watched_groups_prune(groups, fs);
		groups->prune_at = groups->count < PRUNE_MIN ? PRUNE_MIN : 2 * groups->count;
	}
	if (groups->count == groups->room) {
		grown = reallocarray(groups->groups, groups->prune_at, sizeof(*grown));
		if (!grown)
			return NULL;
		groups->groups = grown;
		groups->room = groups->prune_at;
	}
	copy.cgroup = group->cgroup ? strdup(group->cgroup) : NULL;
	if (group->cgroup && !copy.cgroup)
		return NULL;
	groups->groups[groups->count] = copy;
	return &groups->groups[groups->count++];
}

void watched_groups_remove(struct watched_groups *groups, struct watched_group *group)
{
	free(group->cgroup);
	*group = groups->groups[--groups->count];
}

void watched_groups_prune(struct watched_groups *groups, const struct cgroup_fs *fs)
{
	size_t i = groups->count;
	int fd;

	while (i-- > 0) {
		fd = groups->groups[i].scope == MAZE_SCOPE_TREE
			     ? watched_tree_open(&groups->groups[i])
			     : watched_group_open(&groups->groups[i], fs);
		if (fd >= 0)
			close(fd);
		else if (fd == -ENOENT || fd == -ESRCH)
			watched_groups_remove(groups, &groups->groups[i]);
	}
}

size_t watched_groups_owned(const struct watched_groups *groups, uid_t owner)
{
	size_t i, count = 0;

	for (i = 0; i < groups->count; i++)
		count += groups->groups[i].cgroup && groups->groups[i].owner == owner;
	return count;
}

void watched_groups_done(struct watched_groups *groups)
{
	while (groups->count)
		watched_groups_remove(groups, &groups->groups[groups->count - 1]);
	free(groups->groups);
	*groups = (struct watched_groups){ 0 };
}

int watched_group_open(const struct watched_group *group, const struct cgroup_fs *fs)
{
	int fd = cgroup_open(fs, group->cgroup);

	if (fd >= 0 && cgroup_id(fd) != group->id) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

int watched_tree_open(const struct watched_group *group)
{
	int pidfd = pidfd_open((pid_t)group->id, 0), proc_fd, err;
	maze_u64 start = 0;

	if (pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	proc_fd = proc_open_process((pid_t)group->id, pidfd);
	err = proc_fd < 0 ? proc_fd : proc_start_ticks(proc_fd, &start);
	if (proc_fd >= 0)
		close(proc_fd);
	if (err || start != group->start) {
		close(pidfd);
		return -ESRCH;
	}
	return pidfd;
}
