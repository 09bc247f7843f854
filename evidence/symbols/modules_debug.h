/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_EVIDENCE_MODULES_DEBUG_H
#define MAZE_EVIDENCE_MODULES_DEBUG_H

#include "modules.h"

/* Opens this machine's debug file for a build-id. Returns a descriptor or -errno. */
int modules_open_debug_of(const maze_u8 build_id[MAZE_BUILD_ID_LEN], char *ret_path, size_t size);

#endif
