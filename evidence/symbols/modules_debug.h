/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_EVIDENCE_MODULES_DEBUG_H
#define MAZE_EVIDENCE_MODULES_DEBUG_H

#include "modules.h"

/* Opens the debug file with a build-id below our root. Returns a descriptor or -errno. */
int modules_open_debug_of(const maze_u8 build_id[MAZE_BUILD_ID_LEN], char *ret_path, size_t size);

#endif
