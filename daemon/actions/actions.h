/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The actions of mazed at a stage: renice, idle, freeze, exec. The engine has sent the
 * stage's signal before. A new action is one file and one row of the table in actions.c.
 *
 * Each action takes the same steps: check that the thread is the record's, act, check
 * again, and log whether the action was tried and applied. In shadow only the acting call
 * is omitted. No function here blocks.
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
	const char *runtime_dir; /* directory of the list of frozen groups */
	/*
	 * The parent of the commands' cgroups (version 2), as a path from '/'. NULL:
	 * mazed's own cgroup, if systemd has delegated it ("Delegate=yes").
	 */
	const char *exec_cgroup;
	maze_u64 exec_grace_ns; /* from SIGTERM to SIGKILL; 0: the default */
};

/* A verdict and the actions for it. Borrowed during the call. */
struct act_on {
	const struct maze_record *record;
	const char *engine;
	const char *rule; /* NULL: unknown */
	const struct stage_actions *stage;
	maze_u64 exec_timeout_ns;
	int pidfd;  /* of the record's process; -1: it has ended */
	bool quiet; /* the record exceeds the rule's limit: log only losses */
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
 * Thaws a group that mazed has frozen: `cgroup`, or if that is NULL the group that
 * contains process `pid`, itself or in a descendant. -ENOENT: mazed has not frozen this
 * group, or the group is gone; -ESRCH: the process does not exist.
 */
int actions_thaw(struct actions *actions, const char *cgroup, pid_t pid, struct maze_error *error);
/* Thaws all groups and logs failures. For a mazed that ends and removes its watches. */
void actions_thaw_all(struct actions *actions);

/* For tests: the number of commands that run and that are queued. */
void actions_commands(const struct actions *actions, unsigned int *ret_running,
		      unsigned int *ret_waiting);

#endif
