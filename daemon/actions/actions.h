/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mazed does at a stage beyond the signal, which the kernel has sent by then:
 * renice, idle, freeze, exec. A new action is one file and one row of the table in
 * actions.c.
 *
 * Every action takes the same way: look that the thread is still the one that the
 * record is about, act, look again; then say in the log what was tried and what was
 * applied. In shadow it is the same way but for the last call. Nothing here waits.
 */
#ifndef MAZE_DAEMON_ACTIONS_H
#define MAZE_DAEMON_ACTIONS_H

#include <systemd/sd-event.h>

#include "frozen.h"
#include "../log/log.h"

struct actions;

struct actions_settings {
	sd_event *event;
	struct log *log;	 /* the caller's; must be there until actions_close() */
	const char *runtime_dir; /* of mazed alone: remembers there what is frozen */
	/*
	 * The control group of version 2, from '/', in which commands get groups of
	 * their own. NULL: mazed's own, if systemd has delegated it ("Delegate=yes").
	 */
	const char *exec_cgroup;
	maze_u64 exec_grace_ns; /* from SIGTERM to SIGKILL; 0: the default */
};

/* One verdict. All of it is the caller's, and needed during the call only. */
struct act_on {
	const struct maze_record *record;
	const char *engine;
	const char *rule; /* NULL: none that is known now */
	const struct stage_actions *stage;
	maze_u64 exec_timeout_ns;
	int pidfd;  /* of the record's process; -1: it is gone */
	bool quiet; /* its record was beyond the rule's limit: say nothing but losses */
};

/* -errno with a sentence. */
int actions_open(const struct actions_settings *settings, struct actions **ret_actions,
		 struct maze_error *error);
/* Ends all commands that run, at once. What is frozen stays so. */
void actions_close(struct actions *actions);

/* Does what the stage says. What came of it is in the log. */
void actions_perform(struct actions *actions, const struct act_on *on);
/* For records/dispatch.h: `arg` is the struct actions. Performs those of the record's rule. */
void actions_on_record(void *arg, struct mazed_record *record);

/*
 * Thaws what mazed has frozen, named by its control group or, with `cgroup` NULL, by a
 * process in it. -ENOENT: mazed has frozen no such group, or it is gone; -ESRCH: no
 * such process.
 */
int actions_thaw(struct actions *actions, const char *cgroup, pid_t pid, struct maze_error *error);
/* Thaws all of it, saying in the log what could not be; for a mazed that goes for good. */
void actions_thaw_all(struct actions *actions);
/* What is frozen; valid until the next call. */
const struct frozen *actions_frozen(const struct actions *actions);

/* Commands that run, and that wait for their turn. */
void actions_commands(const struct actions *actions, unsigned int *ret_running,
		      unsigned int *ret_waiting);

#endif
