/* SPDX-License-Identifier: GPL-2.0-only */
/* Decides what a restart of a control group restarts, and what is never restarted. */
#ifndef MAZE_DAEMON_RESTART_TARGET_H
#define MAZE_DAEMON_RESTART_TARGET_H

#include <limits.h>

#include "../../../lib/maze.h"
#include "../../../lib/origin.h"
#include "../../rules/string_list.h"

enum restart_kind {
	RESTART_UNIT,	   /* of the system manager */
	RESTART_USER_UNIT, /* of the manager of a user */
	RESTART_CONTAINER, /* its runtime restarts it when its first process has ended */
};

struct restart_target {
	enum restart_kind kind;
	maze_u32 uid;		  /* of the user manager; 0: not RESTART_USER_UNIT */
	char name[ORIGIN_LEN];	  /* of the unit, or the ID of the container */
	char runtime[ORIGIN_LEN]; /* of the container, or "" */
	char cgroup[PATH_MAX];	  /* of the unit or the container */
};

/*
 * `cgroup` is the path of the runaway thread's or group's control group. A container takes
 * precedence over the unit that it is in. Besides a container, only a service is
 * restarted. `spared` has globs for names of units that are not restarted, beside those
 * that never are. Returns -EPERM and the reason if nothing may be restarted. Reads no file.
 */
int restart_target_find(const char *cgroup, const struct string_list *spared,
			struct restart_target *ret_target, struct maze_error *error);
/* Writes "unit web.service of user id 1000", for messages. Returns buf. */
const char *restart_target_format(const struct restart_target *target, char *buf, size_t size);

#endif
