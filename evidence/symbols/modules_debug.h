/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where separate debug files lie: what modules.c and modules_debug.c share.
 */
#ifndef MAZE_EVIDENCE_MODULES_DEBUG_H
#define MAZE_EVIDENCE_MODULES_DEBUG_H

#include "modules.h"

/* The root of the files of the process; ours, when it is gone. A descriptor or -errno. */
int modules_open_root(const struct modules_scope *scope);
/* The debug file for a build-id, of this machine, with its path; a descriptor or -errno. */
int modules_open_debug_of(const maze_u8 build_id[MAZE_BUILD_ID_LEN], char *ret_path, size_t size);

#endif
