/* SPDX-License-Identifier: GPL-2.0-only */
/* The standard streams of the programs maze and mazed. */
#ifndef MAZE_BASE_STANDARD_STREAMS_H
#define MAZE_BASE_STANDARD_STREAMS_H

/*
 * Call it first in main(). Reserves the numbers of closed standard streams, so that output
 * never goes to another file that has got such a number. Reads and writes still fail.
 */
void standard_streams_reserve(void);
/*
 * Call it last in main(). Returns `status`, or 1 instead of 0 after an error message if
 * standard output is incomplete.
 */
int standard_output_close(const char *program, int status);
/*
 * Call it when poll(2) reports an error of standard output, to handle it as a failed write.
 * SIGPIPE ends the process if the reader has exited and SIGPIPE is not ignored.
 */
void standard_output_fail(void);

#endif
