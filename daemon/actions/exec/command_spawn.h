/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts a program as a child that inherits from mazed only the descriptors given here.
 */
#ifndef MAZE_DAEMON_COMMAND_SPAWN_H
#define MAZE_DAEMON_COMMAND_SPAWN_H

#include <sys/types.h>

/* The descriptor at which the child has the pidfd of the record's process. */
#define COMMAND_PIDFD 3

struct command_spawn {
	char *const *argv; /* argv[0] is the path */
	char *const *env;
	int input_fd;	/* its standard input */
	int output_fd;	/* its standard output, and error */
	int pidfd;	/* its COMMAND_PIDFD; -1: none */
	int failure_fd; /* gets the int errno if the program cannot be executed */
	int cgroup_fd;	/* the cgroup that it starts in; -1: mazed's */
};

/*
 * The child leads its own session and process group, has default signal handling, no
 * protection from the OOM killer, and no other descriptors. The caller closes *ret_pidfd
 * and reaps the child. All descriptors above must be greater than COMMAND_PIDFD. -errno:
 * no child.
 */
int command_spawn(const struct command_spawn *spawn, pid_t *ret_pid, int *ret_pidfd);

#endif
