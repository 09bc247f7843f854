/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze attend: stays behind maze watch where the kernel refuses the yield probe
 * that needs nobody. Sleeps until a watched task nears its limit, puts the probe
 * on until none does, and ends when the engine is unloaded.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

static void serve_until_gone(struct maze *maze)
{
	struct pollfd fds[] = {
		{ .fd = maze_service_fd(maze), .events = POLLIN },
		{ .fd = maze_gone_fd(maze), .events = POLLIN },
	};
	int timeout;

	if (fds[0].fd < 0)
		return;
	do {
		timeout = maze_service(maze);
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), timeout) < 0 && errno != EINTR)
			return;
	} while (!maze_gone(maze));
}

int cmd_service(const struct command *command, struct options *options, int argc, char **argv)
{
	struct maze_error error = { "" };
	struct maze *maze;

	(void)argc;
	(void)argv;
	prctl(PR_SET_NAME, "maze-attend");
	if (maze_open(options->engine, MAZE_EXISTING, &maze, &error)) {
		complain(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	/* One is enough. */
	if (maze_become_service(maze) != -EEXIST)
		serve_until_gone(maze);
	maze_close(maze);
	return EXIT_MAZE_OK;
}

/* Nothing of the caller's may be held: its terminal, its directory, its pipes. */
static void leave_caller(void)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (chdir("/"))
		_exit(EXIT_MAZE_FAILED);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
}

void start_service(struct maze *maze)
{
	pid_t child;

	if (maze_service_fd(maze) < 0)
		return;
	child = fork();
	if (child)
		return;
	leave_caller();
	execl("/proc/self/exe", "maze", "attend", (char *)NULL);
	_exit(EXIT_MAZE_FAILED);
}
