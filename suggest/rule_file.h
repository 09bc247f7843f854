/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes a rule file of mazed, with the reasons as comments. Names of programs are chosen by
 * the users of the machine: they can end neither a comment nor a value, and a glob of a name
 * matches only this name.
 */
#ifndef MAZE_SUGGEST_RULE_FILE_H
#define MAZE_SUGGEST_RULE_FILE_H

#include <stdio.h>

#include "advice.h"

/* The caller checks the stream. Returns 0 or -ENOMEM. */
int rule_file_write(const struct streaks_file *file, const struct advice_settings *settings,
		    FILE *out);

#endif
