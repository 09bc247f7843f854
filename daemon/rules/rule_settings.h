/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets defaults for the settings of a rule, frees them, and prints them. */
#ifndef MAZE_DAEMON_RULE_SETTINGS_H
#define MAZE_DAEMON_RULE_SETTINGS_H

#include <stdio.h>

#include "rules.h"

/* Sets the library's default policy, no actions, and the defaults of rule_settings.c. */
void rule_settings_init(struct rule_settings *settings);
void rule_settings_done(struct rule_settings *settings);
/*
 * Call it when all keys of a rule are set. A rule that restarts at the hard limit sends no
 * signal there, unless its own keys name one: the service manager ends the processes.
 */
void rule_settings_complete(struct rule_settings *settings);
/* Returns "soft" or "hard". */
const char *stage_name(enum stage stage);
bool stage_is_on(const struct rule_settings *settings, enum stage stage);
/* Whether the stage has actions other than its signal. */
bool stage_acts(const struct stage_actions *stage);
/* Prints the settings in indented lines, for `mazed --explain`. */
void rule_settings_print(const struct rule_settings *settings, FILE *out);

#endif
