/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commands of the action `exec`: a bounded number at a time, the others wait in
 * a bounded queue, and what does not fit there is not run, counted and said. Each has
 * its time; then it is told to end, and then it is ended, with all that it started.
 */
#ifndef MAZE_DAEMON_COMMANDS_H
#define MAZE_DAEMON_COMMANDS_H

#include "command.h"

/* Commands are about a machine that is in trouble: they are not to be more of it. */
#define COMMANDS_RUNNING_MAX 8
/* Some seconds' worth of them; what is older is no news any more. */
#define COMMANDS_WAITING_MAX 64

struct commands;

struct commands_settings {
	sd_event *event;
	struct log *log;
	const struct cgroup_fs *cgroups;
	const char *cgroup; /* where each gets a group of its own; NULL: mazed's own */
	maze_u64 grace_ns;  /* from SIGTERM to SIGKILL; 0: the default */
};

int commands_open(const struct commands_settings *settings, struct commands **ret_commands,
		  struct maze_error *error);
/* Ends those that run; waits for them no longer than a second. */
void commands_close(struct commands *commands);
/* Takes the order over. What becomes of it is said in the log. */
void commands_add(struct commands *commands, struct command_order *order);
void commands_count(const struct commands *commands, unsigned int *ret_running,
		    unsigned int *ret_waiting);

#endif
