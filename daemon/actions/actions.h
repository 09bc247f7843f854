/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mazed does at a stage beside the signal, which the engine has sent before: renice,
 * idle, freeze, exec. A new action is one file and one row of the table in actions.c.
 *
 * Each action takes the same steps: check that the thread is that of the record, act,
 * check again, and log what was tried and what was applied. In shadow only the acting
 * call is left out. Nothing here blocks.
 */
#ifndef MAZE_DAEMON_ACTIONS_H
#define MAZE_DAEMON_ACTIONS_H

#include <systemd/sd-event.h>

#include "frozen.h"
#include "../log/log.h"

struct actions;

struct actions_settings {
	sd_event *event;
	struct log *log;	 /* borrowed until actions_close() */
	const char *runtime_dir; /* the list of frozen groups is there */
	/*
	 * The cgroup of version 2, from '/', in which each command gets a group of its
	 * own. NULL: mazed's own, if systemd has delegated it ("Delegate=yes").
	 */
	const char *exec_cgroup;
	maze_u64 exec_grace_ns; /* from SIGTERM to SIGKILL; 0: the default */
};

/* A verdict and what to do. Borrowed during the call. */
struct act_on {
	const struct maze_record *record;
	const char *engine;
	const char *rule; /* NULL: unknown */
	const struct stage_actions *stage;
	maze_u64 exec_timeout_ns;
	int pidfd;  /* of the record's process; -1: it has ended */
	bool quiet; /* its record was beyond the rule's limit: log only losses */
};

/* -errno and a message. */
int actions_open(const struct actions_settings *settings, struct actions **ret_actions,
		 struct maze_error *error);
/* Kills all running commands. Frozen groups stay frozen. */
void actions_close(struct actions *actions);

/* Performs the actions of the stage and logs the results. */
void actions_perform(struct actions *actions, const struct act_on *on);
/* For records/dispatch.h: `arg` is the struct actions. Performs the actions of the rule. */
void actions_on_record(void *arg, struct mazed_record *record);

/*
 * Thaws what mazed has frozen: `cgroup`, or with NULL the group that has process `pid` in
 * or below it. -ENOENT: mazed has not frozen such a group, or it is gone; -ESRCH: no such
 * process.
 */
int actions_thaw(struct actions *actions, const char *cgroup, pid_t pid, struct maze_error *error);
/* Thaws everything and logs failures; for a mazed that removes its watches. */
void actions_thaw_all(struct actions *actions);

/* For tests: the number of commands that run and that are queued. */
void actions_commands(const struct actions *actions, unsigned int *ret_running,
		      unsigned int *ret_waiting);

#endif
