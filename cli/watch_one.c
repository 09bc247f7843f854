/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch.h"
#include "groups.h"

#include <unistd.h>

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

static bool watch_cgroup(const struct command *command, const struct options *options,
			 struct maze *maze, const char *path, maze_u64 tag)
{
	struct maze_error error = { "" };
	int dir = cgroup_path_open(command, path), err;

	if (dir < 0)
		return false;
	err = maze_claim_cgroup(maze, dir, &options->policy, tag, 0, &error);
	close(dir);
	if (err)
		print_error(command, "%s", error.text);
	return !err;
}

bool watch_one(const struct command *command, const struct options *options, struct maze *maze,
	       const struct watch_targets *targets, int index, maze_u64 tag)
{
	struct maze_error error = { "" };
	pid_t pid;

	if (targets->cgroups)
		return watch_cgroup(command, options, maze, targets->cgroups[index], tag);
	pid = targets->pids[index];
	if (refuse_maze(command, pid))
		return false;
	if (!maze_watch(maze, pid, options->thread, &options->policy, tag, &error))
		return true;
	print_error(command, "%s", error.text);
	return false;
}
