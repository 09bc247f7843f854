/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the confined process does: see confined.h.
 */
#ifndef MAZE_EVIDENCE_CONFINED_MAIN_H
#define MAZE_EVIDENCE_CONFINED_MAIN_H

#include "confined.h"

/* In the forked child; does the job, says what it found on `out`, ends. */
void confined_main(const struct confined_job *job, int out) __attribute__((noreturn));

#endif
