/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds unit, container and pod of a process in the path of its cgroup, by the names that
 * systemd and the container managers give. Reads no file.
 */
#ifndef MAZE_LIB_CGROUP_ORIGIN_H
#define MAZE_LIB_CGROUP_ORIGIN_H

#include "origin.h"

/*
 * Sets the texts about the process. The unit is that of the system manager, as
 * sd_pid_get_unit(3) finds it. With nested containers, container and pod are the innermost.
 */
void cgroup_origin(const char *path, struct origin *origin);

#endif
