/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_EVIDENCE_PYTHON_READER_MAIN_H
#define MAZE_EVIDENCE_PYTHON_READER_MAIN_H

/* Runs in the forked child, for a struct python_job. Returns when the socket is closed. */
void python_reader_main(int fd, void *job);

#endif
