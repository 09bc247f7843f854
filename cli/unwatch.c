/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze unwatch: ends watches in the pinned engine.
 */
#include "command.h"

#include <stdlib.h>

int cmd_unwatch(const struct command *command, struct options *options, int argc, char **argv)
{
	struct maze_error error = { "" };
	struct maze *maze;
	int i, count, status;
	pid_t *pids;

	status = targets_parse(command, options, argc, argv, &pids, &count);
	if (status)
		return status;
	status = EXIT_MAZE_FAILED;
	if (maze_open(options->engine, MAZE_EXISTING, &maze, &error)) {
		complain(command, "%s", error.text);
		goto out_free;
	}
	status = EXIT_MAZE_OK;
	for (i = 0; i < count; i++) {
		if (!maze_unwatch(maze, pids[i], options->thread, &error))
			continue;
		complain(command, "%s", error.text);
		status = EXIT_MAZE_FAILED;
	}
	maze_close(maze);
out_free:
	free(pids);
	return status;
}
