/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `unload` removes the pinned engine and all its watches. */
#include "command.h"

int cmd_unload(const struct command *command, struct options *options, int argc, char **argv)
{
	struct maze_error error = { "" };
	bool was_loaded;

	(void)options;
	(void)argc;
	(void)argv;
	if (maze_unload(NULL, &was_loaded, &error)) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	puts(was_loaded ? "engine unloaded; all watches ended" : "no engine is loaded");
	return EXIT_MAZE_OK;
}
