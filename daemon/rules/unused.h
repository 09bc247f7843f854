/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules that can never be any process's, because an earlier rule takes all that
 * they would match. What is noted is certain; not everything that is so is noticed
 * (two globs are compared by their text).
 */
#ifndef MAZE_DAEMON_UNUSED_H
#define MAZE_DAEMON_UNUSED_H

#include "problems.h"
#include "rules.h"

/* Adds one note for each such rule. */
void rules_note_unused(const struct rules *rules, struct problems *problems);

#endif
