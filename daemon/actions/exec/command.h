/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One command that runs: from its start until nothing of it is left.
 */
#ifndef MAZE_DAEMON_COMMAND_H
#define MAZE_DAEMON_COMMAND_H

#include <systemd/sd-event.h>

#include "command_groups.h"
#include "../../log/log.h"

/* What to run, and about which record; on the heap with all that it points to. */
struct command_order {
	struct maze_record record;
	char *engine;
	char *rule;  /* NULL: none */
	char **argv; /* argv[0] is the path */
	char **env;
	int input_fd; /* a file */
	int pidfd;    /* of the record's process; -1: it is gone */
	maze_u64 timeout_ns;
	bool quiet; /* say nothing of it */
};

void command_order_free(struct command_order *order);

/* What all commands share; belongs to the caller, like what it points to. */
struct command_host {
	sd_event *event;
	struct log *log;
	struct command_groups *groups;
	maze_u64 grace_ns; /* from SIGTERM to SIGKILL */
	/* Nothing of the command is left; it is to be freed. */
	void (*done)(void *userdata, void *command);
	void *userdata;
};

struct command;

/*
 * Takes the order over, also when it fails. What becomes of it is said in the log.
 * -errno: nothing was started, and `done` will not be called.
 */
int command_start(const struct command_host *host, struct command_order *order,
		  struct command **ret_command);
/* Kills it, with all that it started. */
void command_kill(struct command *command);
/* True: nothing is left of it. Does not wait, and does not call `done`. */
bool command_is_over(struct command *command);
void command_free(struct command *command);

/* Says that an order is not, or will not be, carried out. */
void command_order_say(struct log *log, const struct command_order *order, bool tried,
		       const char *text);

#endif
