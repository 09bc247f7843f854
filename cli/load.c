/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze load: the engine, pinned, with nothing watched yet.
 */
#include "command.h"

int cmd_load(const struct command *command, struct options *options, int argc, char **argv)
{
	struct maze_error error = { "" };
	struct maze *maze;

	if (argc)
		return complain_usage(command, "\"%s\" is too much: it takes no arguments",
				      argv[0]);
	if (maze_open(options->engine, MAZE_PINNED, &maze, &error)) {
		complain(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	printf("engine %s is loaded\n", maze_engine_name(maze));
	maze_close(maze);
	return EXIT_MAZE_OK;
}
