/* SPDX-License-Identifier: GPL-2.0-only */
/* Control groups as arguments, and the groups of a session. */
#ifndef MAZE_CLI_GROUPS_H
#define MAZE_CLI_GROUPS_H

#include "mazed_client.h"
#include "session.h"

/*
 * Gets the paths of control groups from arguments. An argument is a path, or the PID of a
 * process in the control group. Returns 0 and an array that the caller frees, or prints
 * an error and returns the exit status.
 */
int cgroups_parse(const struct command *command, int argc, char **argv, char ***ret_paths,
		  int *ret_count);
/* Ignores NULL. */
void cgroups_free(char **paths, int count);
/* Opens the directory of a control group. Returns -errno after an error message. */
int cgroup_path_open(const struct command *command, const char *path);
/* As mazed_request(), for a control group. */
json_t *cgroup_request(const struct mazed_client *client, const char *verb, const char *path);

/*
 * Returns the number of groups that this session watches. *ret_members, which may be
 * NULL, is the number of their processes.
 */
size_t groups_of_session(const struct session *session, size_t *ret_members);

#endif
