/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Creates a cgroup for each command, so that mazed can kill a command with all processes
 * that it has started.
 */
#ifndef MAZE_DAEMON_COMMAND_GROUPS_H
#define MAZE_DAEMON_COMMAND_GROUPS_H

#include <stdbool.h>

#include "../../../base/cgroup.h"

/* Enough for "maze-command-", the PID of mazed, and a number. */
#define COMMAND_GROUP_NAME_SIZE 64

struct command_groups {
	int fd; /* the parent of the groups; -1: none */
	unsigned int next;
};

struct command_group {
	int fd; /* -1: none */
	char name[COMMAND_GROUP_NAME_SIZE];
};

/*
 * Opens the parent cgroup of the commands' groups, which is `path`. If `path` is NULL,
 * the parent is mazed's own cgroup, which systemd must have delegated. Kills processes
 * and removes groups that an earlier mazed left in the parent. On failure returns -errno
 * and a message, and commands get no groups.
 */
int command_groups_open(struct command_groups *groups, const struct cgroup_fs *fs, const char *path,
			struct maze_error *error);
void command_groups_close(struct command_groups *groups);

/* Creates a group. On failure returns -errno, and ret_group->fd is -1. */
int command_group_make(struct command_groups *groups, struct command_group *ret_group);
/* Kills all processes in the group and its descendants. They end soon after this call. */
void command_group_kill(const struct command_group *group);
/* Removes the group. Returns false if the group still has a process or a child group. */
bool command_group_remove(const struct command_groups *groups, struct command_group *group);

#endif
