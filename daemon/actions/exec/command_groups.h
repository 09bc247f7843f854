/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups for commands, one each, so that a command ends with all that it has
 * started, whatever that has done to get away.
 */
#ifndef MAZE_DAEMON_COMMAND_GROUPS_H
#define MAZE_DAEMON_COMMAND_GROUPS_H

#include <stdbool.h>

#include "../cgroup.h"

/* "maze-command-", the PID of mazed, and a number. */
#define COMMAND_GROUP_NAME_SIZE 64

struct command_groups {
	int fd; /* the group that they are made in; -1: there is none */
	unsigned int next;
};

struct command_group {
	int fd; /* -1: none */
	char name[COMMAND_GROUP_NAME_SIZE];
};

/*
 * In group `path`, or, if that is NULL, in the group of mazed if it may make groups
 * there. Ends and removes what an earlier mazed has left there. -errno with the
 * sentence why there can be none; `groups` then makes none.
 */
int command_groups_open(struct command_groups *groups, const struct cgroup_fs *fs, const char *path,
			struct maze_error *error);
void command_groups_close(struct command_groups *groups);

/* -errno: ret_group->fd is -1. */
int command_group_make(struct command_groups *groups, struct command_group *ret_group);
/* Kills all that is in it and below; those end soon. */
void command_group_kill(const struct command_group *group);
/* True: it is removed; false: what was in it has not ended yet, or there are groups in it. */
bool command_group_remove(const struct command_groups *groups, struct command_group *group);

#endif
