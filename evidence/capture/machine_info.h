/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the facts about the machine that an incident contains. */
#ifndef MAZE_EVIDENCE_MACHINE_INFO_H
#define MAZE_EVIDENCE_MACHINE_INFO_H

#include "../../core/types.h"

struct machine_info {
	char kernel[128];
	long cpus;
	double load[3];
	maze_u64 uptime_s;
};

void machine_info_read(struct machine_info *ret_machine);
/* Returns the path of the cgroup with this inode number, or NULL. The caller frees it. */
char *machine_info_cgroup_path(maze_u64 inode);

#endif
