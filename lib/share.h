/* SPDX-License-Identifier: GPL-2.0-only */
/* Not a part of the public API. */
#ifndef MAZE_LIB_SHARE_H
#define MAZE_LIB_SHARE_H

#include "../core/types.h"

/*
 * Returns a share in thousandths of a percent: the roundest number that
 * maze_share_parse() turns into this share. 90 % is not a multiple of 1/65536, but is
 * returned as 90000.
 */
maze_u64 share_thousandths(maze_u32 share);

#endif
