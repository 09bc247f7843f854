/* SPDX-License-Identifier: GPL-2.0-only */
/* Constants of mazed's control socket (maze-control(5)). */
#ifndef MAZE_LIB_CONTROL_H
#define MAZE_LIB_CONTROL_H

#define MAZE_CONTROL_SOCKET "/run/maze/control.sock"
/* The greatest length of a request, with its newline. */
#define MAZE_CONTROL_LINE_MAX 4096
/* A bound for a line of an answer. A record, an entry or a group is shorter than 4 KiB. */
#define MAZE_CONTROL_ANSWER_MAX 65536

#endif
