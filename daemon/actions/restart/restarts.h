/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The restarts that run: of units, through their service managers, and of containers, by
 * the end of their first process. Each is bounded in time, and a target has one at a time.
 */
#ifndef MAZE_DAEMON_RESTARTS_H
#define MAZE_DAEMON_RESTARTS_H

#include "../../../base/cgroup.h"
#include "../../bus/bus.h"
#include "../action.h"
#include "restart_target.h"

/*
 * Of one user's manager, of all users' managers, and of the system's units and containers.
 * When all users' places are in use, the oldest of the user who has most gives way.
 */
#define RESTARTS_OF_USER_MAX 4
#define RESTARTS_OF_USERS_MAX 16
#define RESTARTS_OF_SYSTEM_MAX 64

struct restarts;

struct restarts_settings {
	sd_event *event;
	struct log *log;
	struct bus *bus; /* of the system manager */
	const struct cgroup_fs *cgroups;
	const char *runtime_dir; /* of struct actions_settings */
	maze_u64 timeout_ns;	 /* of a job; 0: the default */
	maze_u64 grace_ns;	 /* of a container, from SIGTERM to SIGKILL; 0: the default */
};

/* Borrows all pointers. Returns 0 or -errno. */
int restarts_open(const struct restarts_settings *settings, struct restarts **ret_restarts);
/* Service managers perform the accepted restarts also after this. */
void restarts_close(struct restarts *restarts);

/*
 * Begins a restart, or in shadow only checks it. With `now`, kills the processes of the unit
 * as soon as its manager has accepted the restart, and ends a container by SIGKILL.
 * *ret_result is logged when the restart has ended, or at once if it cannot begin.
 */
void restarts_begin(struct restarts *restarts, const struct act_on *on,
		    const struct restart_target *target, bool now,
		    struct action_result *ret_result);
/* Counts the restarts that run. Only tests call this. */
unsigned int restarts_count(const struct restarts *restarts);

#endif
