/* SPDX-License-Identifier: GPL-2.0-only */
/* The error type of every layer, and of libmaze's public header. */
#ifndef MAZE_BASE_MAZE_ERROR_H
#define MAZE_BASE_MAZE_ERROR_H

struct maze_error {
	char text[512]; /* a sentence without full stop and newline; "": no error */
};

#endif
