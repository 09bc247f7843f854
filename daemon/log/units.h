/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names the unit of systemd, the pod and the container that a record is about, by the
 * control group in which the kernel saw the thread. When mazed reads the record of a process that was ended, the
 * process, and soon its control group, may be gone. So the units of control groups are
 * kept by the ID of the group, from the time when a rule is applied to a process in it.
 * At most UNITS_MAX are kept, and at most UNITS_PER_USER of groups that one user owns.
 */
#ifndef MAZE_DAEMON_UNITS_H
#define MAZE_DAEMON_UNITS_H

#include "../../base/cgroup.h"
#include "../../base/systemd_unit.h"
#include "../../lib/maze.h"
#include "../../lib/origin.h"

#define UNITS_MAX 1024
#define UNITS_PER_USER 64

struct units;

struct log_unit {
	char unit[UNIT_NAME_SIZE]; /* such as nginx.service; "": none */
	char user_unit
		[UNIT_NAME_SIZE]; /* of a user's manager, inside of user@UID.service; "": none */
	char pod[ORIGIN_LEN], container[ORIGIN_LEN]; /* as in incidents; not escaped */
};

/* Returns NULL if memory is short. Without cgroups of version 2, no unit is found. */
struct units *units_new(void);
void units_free(struct units *units);
/* Keeps the unit of a control group that exists. `cgroup` is its path; "": none. */
void units_note(struct units *units, const char *cgroup);
/*
 * Returns the unit of the record, valid until the next call, or NULL if it is unknown or
 * there is none. `cgroup` is the path of the record's control group, or NULL: then looks
 * up the ID and, at a verdict, reads the path of a process that is not reaped yet.
 */
const struct log_unit *units_find(struct units *units, const struct maze_record *record,
				  const char *cgroup);

#endif
