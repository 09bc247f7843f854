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
	int i, status;
	pid_t *pids;

	if (!argc == !options->thread)
		return complain_usage(command,
				      "say which processes to unwatch, by PID, or one thread "
				      "with --thread");
	pids = calloc((size_t)argc + 1, sizeof(*pids));
	if (!pids)
		return EXIT_MAZE_FAILED;
	status = pids_parse(command, argc, argv, pids);
	if (status)
		goto out_free;
	status = EXIT_MAZE_FAILED;
	if (options->thread && maze_thread_owner(options->thread, &pids[argc++], &error)) {
		complain(command, "%s", error.text);
		goto out_free;
	}
	if (maze_open(options->engine, MAZE_EXISTING, &maze, &error)) {
		complain(command, "%s", error.text);
		goto out_free;
	}
	status = EXIT_MAZE_OK;
	for (i = 0; i < argc; i++) {
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
