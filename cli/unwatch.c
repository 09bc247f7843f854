/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `unwatch` ends watches, through mazed if it runs, else in the engine. */
#include "mazed_client.h"

#include <stdlib.h>

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

int cmd_unwatch(const struct command *command, struct options *options, int argc, char **argv)
{
	static struct mazed_client client;
	int count, status, connected;
	pid_t *pids;

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
