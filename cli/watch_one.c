/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch.h"

#include "../base/proc_files.h"

/*
 * The engine refuses a maze process only if that process has opened this engine. So
 * compare the executable, to refuse all other maze processes too.
 */
bool refuse_maze(const struct command *command, pid_t pid)
{
	if (!proc_pid_is_own_program(pid))
		return false;
	print_error(command, "cannot watch process %d: it is maze itself", (int)pid);
	return true;
}

bool watch_one(const struct command *command, const struct options *options, struct maze *maze,
	       pid_t pid, maze_u64 tag)
{
	struct maze_error error = { "" };

	if (refuse_maze(command, pid))
		return false;
	if (!maze_watch(maze, pid, options->thread, &options->policy, tag, &error))
		return true;
	print_error(command, "%s", error.text);
	return false;
}
