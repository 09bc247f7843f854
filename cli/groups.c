/* SPDX-License-Identifier: GPL-2.0-only */
#include "groups.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/cgroup.h"
#include "../base/proc_files.h"

/* Returns NULL if the process has no control group of version 2. */
static char *path_of_process(pid_t pid)
{
	char number[16], path[PROC_CGROUP_SIZE];

	snprintf(number, sizeof(number), "%d", (int)pid);
	return !proc_cgroup_of(number, path) && path[0] ? strdup(path) : NULL;
}

static int parse_cgroup(const struct command *command, const char *argument, char **ret_path)
{
	pid_t pid;
	int status;

	if (argument[0] == '/') {
		*ret_path = strdup(argument);
		return *ret_path ? 0 : EXIT_MAZE_FAILED;
	}
	status = id_parse(command, "path or PID", argument, &pid);
	if (status)
		return status;
	*ret_path = path_of_process(pid);
	if (*ret_path)
		return 0;
	print_error(command, "no process with the PID %d is in a control group of version 2",
		    (int)pid);
	return EXIT_MAZE_FAILED;
}

int cgroups_parse(const struct command *command, int argc, char **argv, char ***ret_paths,
		  int *ret_count)
{
	char **paths = calloc((size_t)argc + 1, sizeof(*paths));
	int i, status = 0;

	if (!argc)
		status = usage_error(command,
				     "no control group given to %s: give paths such as "
				     "/system.slice, or PIDs",
				     command->name);
	else if (!paths)
		status = EXIT_MAZE_FAILED;
	for (i = 0; i < argc && !status; i++)
		status = parse_cgroup(command, argv[i], &paths[i]);
	if (status) {
		cgroups_free(paths, argc);
		return status;
	}
	*ret_paths = paths;
	*ret_count = argc;
	return 0;
}

void cgroups_free(char **paths, int count)
{
	int i;

	for (i = 0; paths && i < count; i++)
		free(paths[i]);
	free(paths);
}

int cgroup_path_open(const struct command *command, const char *path)
{
	struct maze_error error = { "" };
	struct cgroup_fs fs = { -1 };
	int fd = cgroup_fs_open(&fs, &error);

	if (fd < 0) {
		print_error(command, "%s", error.text);
		return fd;
	}
	fd = cgroup_open(&fs, path);
	cgroup_fs_close(&fs);
	if (fd == -ENOENT)
		print_error(command, "no control group has the path %s", path);
	else if (fd < 0)
		print_error(command, "cannot open the control group %s: %s", path, strerror(-fd));
	return fd;
}

json_t *cgroup_request(const struct mazed_client *client, const char *verb, const char *path)
{
	json_t *request = json_pack("{s:s,s:s}", "do", verb, "cgroup", path);

	if (!request)
		mazed_report(client, "invalid control group name: not UTF-8");
	return request;
}

size_t groups_of_session(const struct session *session, size_t *ret_members)
{
	struct maze_error error = { "" };
	size_t i, count = 0, all = 0, members = 0;
	struct maze_group *groups = NULL;

	if (maze_list_groups(session->maze, &groups, &all, &error))
		print_error(session->command, "cannot list the watched groups: %s", error.text);
	for (i = 0; i < all; i++) {
		if (groups[i].entry.tag != session->tag)
			continue;
		count++;
		members += groups[i].members;
	}
	free(groups);
	if (ret_members)
		*ret_members = members;
	return count;
}
