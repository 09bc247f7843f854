/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the helper process does: see helper.h.
 */
#ifndef MAZE_EVIDENCE_HELPER_MAIN_H
#define MAZE_EVIDENCE_HELPER_MAIN_H

#include "helper.h"

/* In the forked child; does the job, says what it found on `out`, ends. */
void helper_main(const struct helper_job *job, int out) __attribute__((noreturn));

#endif
