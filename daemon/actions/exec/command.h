/* SPDX-License-Identifier: GPL-2.0-only */
/* A running command: from its start until all its processes are gone. */
#ifndef MAZE_DAEMON_COMMAND_H
#define MAZE_DAEMON_COMMAND_H

#include <systemd/sd-event.h>

#include "command_groups.h"
#include "../../log/log.h"

/* The program to run and its record. Allocated, with all that it points to. */
struct command_order {
	struct maze_record record;
	char *engine;
	char *rule;  /* NULL: none */
	char **argv; /* argv[0] is the path */
	char **env;
	int input_fd; /* a file */
	int pidfd;    /* of the record's process; -1: it has ended */
	maze_u64 timeout_ns;
	bool quiet; /* do not log it */
};

void command_order_free(struct command_order *order);

/* The settings shared by all commands. Borrowed, with all that they point to. */
struct command_host {
	sd_event *event;
	struct log *log;
	struct command_groups *groups;
	maze_u64 grace_ns; /* from SIGTERM to SIGKILL */
	/* All processes of the command are gone; frees it. */
	void (*done)(void *userdata, void *command);
	void *userdata;
};

struct command;

/*
 * Takes ownership of the order, also on failure, and logs its result. -errno: no process
 * was started, and `done` will not be called.
 */
int command_start(const struct command_host *host, struct command_order *order,
		  struct command **ret_command);
/* Kills the command and all processes that it started. */
void command_kill(struct command *command);
/* True: all its processes are gone. Does not block and does not call `done`. */
bool command_is_over(struct command *command);
void command_free(struct command *command);

/* Logs that an order is not carried out. */
void command_order_report(struct log *log, const struct command_order *order, bool tried,
			  const char *text);

#endif
