/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `load` loads and pins the engine without watching a process. */
#include "command.h"

int cmd_load(const struct command *command, struct options *options, int argc, char **argv)
{
	struct maze_error error = { "" };
	struct maze *maze;

	(void)argc;
	(void)argv;
	if (maze_open(options->engine, MAZE_PINNED, &maze, &error)) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	printf("engine %s is loaded\n", maze_engine_name(maze));
	maze_close(maze);
	return EXIT_MAZE_OK;
}
