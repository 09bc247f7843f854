/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a command and follows it until all its processes have ended. */
#ifndef MAZE_DAEMON_COMMAND_H
#define MAZE_DAEMON_COMMAND_H

#include <systemd/sd-event.h>

#include "command_groups.h"
#include "../../log/log.h"

/* The program to run, and the record that causes the run. An order owns its pointers. */
struct command_order {
	struct maze_record record;
	char *engine;
	char *rule;	      /* NULL: none */
	char *cgroup;	      /* of struct log_entry; NULL: none */
	struct log_unit unit; /* "": none */
	char **argv;	      /* argv[0] is the path */
	char **env;
	int input_fd; /* a file with the standard input */
	int pidfd;    /* of the record's process; -1: it has ended */
	maze_u64 timeout_ns;
	bool quiet; /* do not log the command */
};

void command_order_free(struct command_order *order);

/* The settings that all commands share. A command borrows all pointers in them. */
struct command_host {
	sd_event *event;
	struct log *log;
	struct command_groups *groups;
	maze_u64 grace_ns; /* from SIGTERM to SIGKILL */
	/* Frees the command, whose processes are gone or cannot be killed. */
	void (*done)(void *userdata, void *command);
	void *userdata;
};

struct command;

/*
 * Starts the command and logs the result. Takes ownership of the order, even on failure.
 * -errno: no process of the command runs, and `done` is not called.
 */
int command_start(const struct command_host *host, struct command_order *order,
		  struct command **ret_command);
/* Kills the command and all processes that it started. */
void command_kill(struct command *command);
/* True if all processes of the command are gone. Does not block or call `done`. */
bool command_is_over(struct command *command);
void command_free(struct command *command);

/* Passes on that a result follows. */
void command_order_begins(struct log *log, const struct command_order *order);
/* Logs that mazed did not run the command of an order. */
void command_order_report(struct log *log, const struct command_order *order, bool tried,
			  const char *text);

#endif
