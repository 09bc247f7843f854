/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Says in one sentence why a thread loops, if its system calls and descriptors show it.
 * why.c has a table of the known patterns.
 */
#ifndef MAZE_REPORT_WHY_H
#define MAZE_REPORT_WHY_H

#include "summary.h"

/* Writes the sentence and a blank. Returns false, and writes nothing, if there is none. */
bool why_sentence(struct summary *summary, const struct incident *incident);

#endif
