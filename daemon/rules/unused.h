/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds rules that can never apply, because an earlier rule matches everything that they
 * match. A reported rule certainly never applies. But not every such rule is found,
 * because globs are compared by their text.
 */
#ifndef MAZE_DAEMON_UNUSED_H
#define MAZE_DAEMON_UNUSED_H

#include "problems.h"
#include "rules.h"

/* Adds one note for each rule that it finds. */
void rules_note_unused(const struct rules *rules, struct problems *problems);

#endif
