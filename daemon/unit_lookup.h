/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the section [X-Maze] of the unit of one process, for `mazed --explain`. */
#ifndef MAZE_DAEMON_UNIT_LOOKUP_H
#define MAZE_DAEMON_UNIT_LOOKUP_H

#include "rules/rules.h"
#include "rules/unit_rules.h"

/*
 * Requests the files of the unit of process `pid` of systemd, and waits for the answer. Sets
 * rules->units to *ret_units, unless the process has no unit, this machine has no systemd, or
 * the rules say that no section is read. The caller frees *ret_units after `rules`. Adds the
 * problems of the section. Returns 0, or -errno and a message.
 */
int unit_lookup(pid_t pid, struct rules *rules, struct unit_rules **ret_units,
		struct problems *problems, struct maze_error *error);

#endif
