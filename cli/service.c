/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `service`. Some kernels do not let the yield probe stay attached all the
 * time. There, maze watch starts this subcommand, which attaches the probe while a watched
 * thread is close to its limit. It exits when the engine is unloaded.
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
	prctl(PR_SET_NAME, "maze-service");
	if (maze_open(options->engine, MAZE_EXISTING, &maze, &error)) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	if (maze_become_service(maze) != -EEXIST)
		serve_until_gone(maze);
	maze_close(maze);
	return EXIT_MAZE_OK;
}

/* Releases the terminal, the working directory and the open files of the caller. */
static void detach(void)
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
	detach();
	execl("/proc/self/exe", "maze", "service", (char *)NULL);
	_exit(EXIT_MAZE_FAILED);
}
