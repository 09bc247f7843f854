/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts a program as a child that shares nothing with mazed but what it is given.
 */
#ifndef MAZE_DAEMON_COMMAND_SPAWN_H
#define MAZE_DAEMON_COMMAND_SPAWN_H

#include <sys/types.h>

/* Where the child finds the pidfd of the process that it is about. */
#define COMMAND_PIDFD 3

struct command_spawn {
	char *const *argv; /* argv[0] is the path */
	char *const *env;
	int input_fd;	/* its standard input */
	int output_fd;	/* its standard output, and error */
	int pidfd;	/* its COMMAND_PIDFD; -1: none */
	int failure_fd; /* gets the int errno if the program cannot be executed */
	int cgroup_fd;	/* the control group that it begins in; -1: mazed's */
};

/*
 * The child leads a session and a process group of its own; its signals are as in a
 * fresh process, it is nobody's favourite when memory is short, and it has no other
 * descriptors. *ret_pidfd is the caller's to close, the child the caller's to wait for.
 * All descriptors above must be greater than COMMAND_PIDFD. -errno: there is no child.
 */
int command_spawn(const struct command_spawn *spawn, pid_t *ret_pid, int *ret_pidfd);

#endif
