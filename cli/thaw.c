/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `thaw` thaws control groups. Only mazed lists the groups that it froze.
 */
#include "groups.h"

#include <stdlib.h>

static int thaw_processes(struct mazed_client *client, const struct command *command,
			  const struct options *options, int argc, char **argv)
{
	int i, count, status;
	pid_t *pids;

	status = targets_parse(command, options, argc, argv, &pids, &count);
	if (status)
		return status;
	for (i = 0; i < count; i++)
		if (!mazed_call(client, mazed_request(client, "thaw", pids[i], 0)))
			status = EXIT_MAZE_FAILED;
	free(pids);
	return status;
}

static int thaw_group(struct mazed_client *client, const struct options *options)
{
	json_t *request = options->all ? json_pack("{s:s,s:b}", "do", "thaw", "all", 1)
				       : cgroup_request(client, "thaw", options->cgroup);

	return mazed_call(client, request) ? EXIT_MAZE_OK : EXIT_MAZE_FAILED;
}

int cmd_thaw(const struct command *command, struct options *options, int argc, char **argv)
{
	static struct mazed_client client;
	int status, err;

	if ((argc > 0) + !!options->cgroup + options->all != 1)
		return usage_error(command, "nothing to thaw: give PIDs, --cgroup PATH, or --all");
	err = mazed_connect(&client, command, options);
	if (err <= 0) {
		if (!err)
			print_error(command, "mazed is not running; without it: "
					     "echo 0 > cgroup.freeze in the control group");
		return EXIT_MAZE_FAILED;
	}
	status = argc ? thaw_processes(&client, command, options, argc, argv)
		      : thaw_group(&client, options);
	mazed_disconnect(&client);
	return status;
}
