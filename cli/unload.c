/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze unload: drops everything that is pinned.
 */
#include "command.h"

int cmd_unload(const struct command *command, struct options *options, int argc, char **argv)
{
	struct maze_error error = { "" };
	bool was_loaded;

	(void)options;
	if (argc)
		return complain_usage(command, "\"%s\" is too much: it takes no arguments",
				      argv[0]);
	if (maze_unload(NULL, &was_loaded, &error)) {
		complain(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	puts(was_loaded ? "unloaded: nothing is watched any more" : "nothing was loaded");
	return EXIT_MAZE_OK;
}
