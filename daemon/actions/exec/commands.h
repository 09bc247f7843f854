/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs the commands of the action `exec`. A limited number of commands run at a time, and
 * a limited number wait in a queue. While the queue is full, mazed drops further
 * commands. It logs the first drop and the number of drops. A command that exceeds its
 * time gets SIGTERM. After the grace time, mazed kills it with all processes that it
 * started.
 */
#ifndef MAZE_DAEMON_COMMANDS_H
#define MAZE_DAEMON_COMMANDS_H

#include "command.h"

/* Commands run when the machine is already overloaded, so few run at a time. */
#define COMMANDS_RUNNING_MAX 8
/* In a longer queue, commands would wait until their verdicts are outdated. */
#define COMMANDS_WAITING_MAX 64

struct commands;

struct commands_settings {
	sd_event *event;
	struct log *log;
	const struct cgroup_fs *cgroups;
	const char *cgroup; /* parent of the commands' cgroups; NULL: mazed's own */
	maze_u64 grace_ns;  /* from SIGTERM to SIGKILL; 0: the default */
};

int commands_open(const struct commands_settings *settings, struct commands **ret_commands,
		  struct maze_error *error);
/* Kills the running commands and drops the queued ones. Waits at most one second. */
void commands_close(struct commands *commands);
/* Runs, queues or drops the command of the order. Takes ownership of the order. */
void commands_add(struct commands *commands, struct command_order *order);
void commands_count(const struct commands *commands, unsigned int *ret_running,
		    unsigned int *ret_waiting);

#endif
