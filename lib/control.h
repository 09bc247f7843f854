/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both sides of mazed's control socket must agree on; the rest is maze-control(5).
 */
#ifndef MAZE_LIB_CONTROL_H
#define MAZE_LIB_CONTROL_H

#define MAZE_CONTROL_SOCKET "/run/maze/control.sock"
/* A request, its newline included. */
#define MAZE_CONTROL_LINE_MAX 4096

#endif
