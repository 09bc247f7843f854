/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the facts about the machine that an incident contains. */
#ifndef MAZE_EVIDENCE_MACHINE_INFO_H
#define MAZE_EVIDENCE_MACHINE_INFO_H

#include <stdbool.h>

#include "../../core/types.h"
#include "../../lib/origin.h"

struct machine_info {
	long cpus;
	double load[3];
	maze_u64 uptime_s;
};

void machine_info_read(struct machine_info *ret_machine);
/* Sets the texts about the machine and maze. The caller has cleared all texts. */
void machine_info_origin(struct origin *origin);
/* Sets the texts of an os-release file (os-release(5)). Returns false if it cannot be read. */
bool machine_info_os(const char *path, struct origin *origin);
/* Returns the path of the cgroup with this inode number, or NULL. The caller frees it. */
char *machine_info_cgroup_path(maze_u64 inode);

#endif
