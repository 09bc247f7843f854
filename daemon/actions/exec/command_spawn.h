/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts a program as a child process. The child inherits only those descriptors of mazed
 * that struct command_spawn lists.
 */
#ifndef MAZE_DAEMON_COMMAND_SPAWN_H
#define MAZE_DAEMON_COMMAND_SPAWN_H

#include <sys/types.h>

/* The child gets the pidfd of the record's process as this descriptor. */
#define COMMAND_PIDFD 3

struct command_spawn {
	char *const *argv; /* argv[0] is the path */
	char *const *env;
	int input_fd;	/* the child's standard input */
	int output_fd;	/* the child's standard output and standard error */
	int pidfd;	/* the child's COMMAND_PIDFD; -1: none */
	int failure_fd; /* gets errno (an int) if the program cannot be executed */
	int cgroup_fd;	/* the child's cgroup; -1: that of mazed */
};

/*
 * The child leads its own session and process group, and has the default action for all
 * signals. It has no protection from the OOM killer, and no descriptors but those of
 * `spawn`. The descriptors in `spawn` must be greater than COMMAND_PIDFD. The caller
 * closes *ret_pidfd and reaps the child. -errno: no child was created.
 */
int command_spawn(const struct command_spawn *spawn, pid_t *ret_pid, int *ret_pidfd);

#endif
