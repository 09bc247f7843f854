/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `load` loads and pins the engine without watching a process. */
#include "command.h"

#include <errno.h>
#include <string.h>

/* The old engine has enforced until now, but this version cannot read its watches. */
static int replace(const char *engine, struct maze **ret_maze, struct maze_error *error)
{
	bool loaded;
	int err = maze_unload("bpf", &loaded, error);

	if (err || !loaded)
		return err ? err : -EPROTO;
	puts("the engine of another version of maze was unloaded: all watches have ended, and "
	     "counts begin at 0");
	return maze_open(engine, MAZE_PINNED, ret_maze, error);
}

int cmd_load(const struct command *command, struct options *options, int argc, char **argv)
{
	struct maze_error error = { "" };
	struct maze *maze;
	int err;

	(void)argc;
	(void)argv;
	err = maze_open(options->engine, MAZE_PINNED, &maze, &error);
	if (err == -EPROTO && options->replace &&
	    (!options->engine || strcmp(options->engine, "kmod")))
		err = replace(options->engine, &maze, &error);
	if (err) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	printf("engine %s is loaded\n", maze_engine_name(maze));
	maze_close(maze);
	return EXIT_MAZE_OK;
}
