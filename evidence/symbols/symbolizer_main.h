/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_EVIDENCE_SYMBOLIZER_MAIN_H
#define MAZE_EVIDENCE_SYMBOLIZER_MAIN_H

#include "symbolizer.h"

/* Runs in the forked child: does the job, writes the answers to `out` and exits. */
void symbolizer_main(const struct symbolizer_job *job, int out) __attribute__((noreturn));

#endif
