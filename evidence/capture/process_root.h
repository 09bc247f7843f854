/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opens files as a process sees them. All paths are resolved below the root of the
 * process. So paths in containers work, and a symbolic link cannot leave this root.
 */
#ifndef MAZE_EVIDENCE_PROCESS_ROOT_H
#define MAZE_EVIDENCE_PROCESS_ROOT_H

#include "process_info.h"

/*
 * Opens the root of the process, or this program's own root if `live` is NULL or was
 * released (process_info.h). Returns a descriptor or -errno.
 */
int process_root_open(const struct process_info *live);
/*
 * Opens the root of the first process of the PID namespace of /proc: it has what a service
 * manager hides from this program, such as /tmp. Returns a descriptor or -errno.
 */
int process_root_open_first(void);
/* Opens a regular file below `root_fd` for reading. Returns a descriptor or -errno. */
int process_root_open_file(int root_fd, const char *path);

#endif
