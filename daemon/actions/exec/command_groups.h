/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cgroup for each command, so that mazed can kill a command with all processes that it
 * has started.
 */
#ifndef MAZE_DAEMON_COMMAND_GROUPS_H
#define MAZE_DAEMON_COMMAND_GROUPS_H

#include <stdbool.h>

#include "../cgroup.h"

/* "maze-command-", the PID of mazed, and a number. */
#define COMMAND_GROUP_NAME_SIZE 64

struct command_groups {
	int fd; /* their parent; -1: none */
	unsigned int next;
};

struct command_group {
	int fd; /* -1: none */
	char name[COMMAND_GROUP_NAME_SIZE];
};

/*
 * Creates the groups in cgroup `path`, or with NULL in mazed's own, if that is delegated.
 * Kills the processes and removes the groups that an earlier mazed has left there. -errno
 * and a message: no groups are created.
 */
int command_groups_open(struct command_groups *groups, const struct cgroup_fs *fs, const char *path,
			struct maze_error *error);
void command_groups_close(struct command_groups *groups);

/* -errno: ret_group->fd is -1. */
int command_group_make(struct command_groups *groups, struct command_group *ret_group);
/* Kills all processes in the group and its descendants. They end soon after. */
void command_group_kill(const struct command_group *group);
/* True: removed. False: a process has not ended yet, or there are groups in it. */
bool command_group_remove(const struct command_groups *groups, struct command_group *group);

#endif
