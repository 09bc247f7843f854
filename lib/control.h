/* SPDX-License-Identifier: GPL-2.0-only */
/* Constants of mazed's control socket (maze-control(5)). */
#ifndef MAZE_LIB_CONTROL_H
#define MAZE_LIB_CONTROL_H

#define MAZE_CONTROL_SOCKET "/run/maze/control.sock"
/* The greatest length of a request, with its newline. */
#define MAZE_CONTROL_LINE_MAX 4096

#endif
