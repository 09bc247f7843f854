/* SPDX-License-Identifier: GPL-2.0-only */
/* The file in which a JIT compiler names its code for perf(1). */
#ifndef MAZE_EVIDENCE_PERF_MAP_H
#define MAZE_EVIDENCE_PERF_MAP_H

#include "../capture/process_info.h"

/*
 * Opens /tmp/perf-PID.map below the root of the process, or below our own if `live` is
 * NULL. `pid` is the PID in the namespace of the process. -EPERM: the file belongs neither
 * to the user nor to root. -EINVAL: it is not a regular file.
 */
int perf_map_open(const struct process_info *live, pid_t pid, unsigned int uid);

#endif
