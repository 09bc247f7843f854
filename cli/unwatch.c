/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `unwatch` ends watches, through mazed if it runs, else in the engine. */
#include "groups.h"

#include <stdlib.h>
#include <string.h>

static int unwatch_in_engine(const struct command *command, const struct options *options,
			     const pid_t *pids, int count)
{
	struct maze_error error = { "" };
	int status = EXIT_MAZE_OK, i;
	struct maze *maze;

	if (maze_open(options->engine, MAZE_EXISTING, &maze, &error)) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	for (i = 0; i < count; i++) {
		if (!maze_unwatch(maze, pids[i], options->thread, &error))
			continue;
		print_error(command, "%s", error.text);
		status = EXIT_MAZE_FAILED;
	}
	maze_close(maze);
	return status;
}

static int unwatch_through_mazed(struct mazed_client *client, const struct options *options,
				 const pid_t *pids, int count)
{
	int status = EXIT_MAZE_OK, i;

	for (i = 0; i < count; i++)
		if (!mazed_call(client, mazed_request(client, "unwatch", pids[i], options->thread)))
			status = EXIT_MAZE_FAILED;
	return status;
}

/* Only mazed has watches of control groups that another process can end. */
static int unwatch_cgroups(const struct command *command, const struct options *options, int argc,
			   char **argv)
{
	static struct mazed_client client;
	int count, i, connected, status;
	char **paths;

	if (options->thread)
		return usage_error(command, "--thread and --scope exclude each other");
	if (strcmp(options->scope, "cgroup") != 0)
		return usage_error(command,
				   "invalid --scope \"%s\"; give --scope cgroup with paths "
				   "or PIDs, or PIDs alone for all watches of processes",
				   options->scope);
	status = cgroups_parse(command, argc, argv, &paths, &count);
	if (status)
		return status;
	connected = mazed_connect(&client, command, options);
	if (!connected)
		print_error(command, "mazed is not used here; a watch by maze watch --wait ends "
				     "with that process");
	for (i = 0; connected > 0 && i < count; i++)
		if (!mazed_call(&client, cgroup_request(&client, "unwatch", paths[i])))
			status = EXIT_MAZE_FAILED;
	if (connected > 0)
		mazed_disconnect(&client);
	cgroups_free(paths, count);
	return connected > 0 ? status : EXIT_MAZE_FAILED;
}

int cmd_unwatch(const struct command *command, struct options *options, int argc, char **argv)
{
	static struct mazed_client client;
	int count, status, connected;
	pid_t *pids;

	if (options->scope)
		return unwatch_cgroups(command, options, argc, argv);
	status = targets_parse(command, options, argc, argv, &pids, &count);
	if (status)
		return status;
	connected = mazed_connect(&client, command, options);
	if (connected < 0) {
		status = EXIT_MAZE_FAILED;
	} else if (connected) {
		status = unwatch_through_mazed(&client, options, pids, count);
		mazed_disconnect(&client);
	} else {
		status = unwatch_in_engine(command, options, pids, count);
	}
	free(pids);
	return status;
}
