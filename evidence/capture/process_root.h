/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opens files as a process sees them: paths are resolved below the root of the process.
 * So paths in containers work, and a symbolic link cannot leave this root.
 */
#ifndef MAZE_EVIDENCE_PROCESS_ROOT_H
#define MAZE_EVIDENCE_PROCESS_ROOT_H

#include "process_info.h"

/* The root of the process; this program's own for NULL or a released one. Or -errno. */
int process_root_open(const struct process_info *live);
/* A regular file below that root, for reading. A descriptor or -errno. */
int process_root_open_file(int root_fd, const char *path);

#endif
