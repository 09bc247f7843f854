/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The actions that mazed performs when a thread reaches its soft or hard limit (a stage)
 * are renice, idle, freeze, restart and exec. The engine has already sent the signal of the stage.
 * A new action needs one file and one row of the table in actions.c.
 *
 * All actions except exec first check that the TID still belongs to the record's thread.
 * They then act, check again, and log whether the action was tried and took effect. In
 * shadow mode, actions check and log but do not act. Of the functions in this file, only
 * actions_close() may block.
 */
#ifndef MAZE_DAEMON_ACTIONS_H
#define MAZE_DAEMON_ACTIONS_H

#include <systemd/sd-event.h>

#include "frozen.h"
#include "../bus/bus.h"
#include "../log/log.h"

struct actions;

struct actions_settings {
	sd_event *event;
	struct log *log; /* borrowed until actions_close() */
	/* Contains the list of frozen groups. Its "users", if it exists, is used for /run/user. */
	const char *runtime_dir;
	/*
	 * The path, from '/', of the cgroup (version 2) that contains the commands'
	 * cgroups. NULL: mazed's own cgroup, if systemd has delegated it
	 * ("Delegate=yes").
	 */
	const char *exec_cgroup;
	maze_u64 exec_grace_ns; /* from SIGTERM to SIGKILL; 0: the default */
	struct bus *bus;	/* of the system manager */
	/* Of struct restarts_settings; 0: the defaults */
	maze_u64 restart_timeout_ns, restart_grace_ns;
};

/* A verdict and the actions for it. The caller keeps ownership of all pointers. */
struct act_on {
	const struct maze_record *record;
	const char *engine;
	const char *rule;   /* NULL: unknown */
	const char *cgroup; /* of struct log_entry */
	const struct log_unit *unit;
	const struct stage_actions *stage;
	const struct string_list *no_restart; /* of struct rule_settings */
	maze_u64 exec_timeout_ns;
	int pidfd;  /* of the record's process; -1: it has ended */
	bool quiet; /* the rule exceeds its log limit, so do not log results */
};

/* Returns 0, or -errno and a message. */
int actions_open(const struct actions_settings *settings, struct actions **ret_actions,
		 struct maze_error *error);
/* Kills all running commands. Waits at most one second for their end. Thaws no groups. */
void actions_close(struct actions *actions);

/* Performs the actions of the stage and logs the results. */
void actions_perform(struct actions *actions, const struct act_on *on);
/* Performs the actions of the record's rule. `arg` is the struct actions. */
void actions_on_record(void *arg, struct mazed_record *record);

/*
 * Thaws the group `cgroup`, which mazed has frozen. If `cgroup` is NULL, thaws the frozen
 * group that contains process `pid` directly or in a descendant group. -ENOENT: mazed has
 * not frozen such a group, or the group is gone. -ESRCH: the process does not exist.
 */
int actions_thaw(struct actions *actions, const char *cgroup, pid_t pid, struct maze_error *error);
/* Thaws all groups. Logs failures. mazed also calls this when it removes its watches. */
void actions_thaw_all(struct actions *actions);

/* The most actions that the table may have. */
#define ACTIONS_MAX 8
/* Returns the name of an action, such as "renice". NULL: behind the last one. */
const char *actions_name(size_t index);
/* Whether the stage performs this action. */
bool actions_wanted(size_t index, const struct stage_actions *stage);
/* Counts the cgroups that mazed has frozen. */
size_t actions_frozen(const struct actions *actions);

/* Counts the restarts that run. Only tests call this. */
unsigned int actions_restarts(const struct actions *actions);
/* Counts the running and the queued commands. Only tests call this. */
void actions_commands(const struct actions *actions, unsigned int *ret_running,
		      unsigned int *ret_waiting);

#endif
