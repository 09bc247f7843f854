/* SPDX-License-Identifier: GPL-2.0-only */
/* The settings of a rule: their defaults, and as text. */
#ifndef MAZE_DAEMON_RULE_SETTINGS_H
#define MAZE_DAEMON_RULE_SETTINGS_H

#include <stdio.h>

#include "rules.h"

/* The library's default policy, no action, and the defaults of rule_settings.c. */
void rule_settings_init(struct rule_settings *settings);
void rule_settings_done(struct rule_settings *settings);
/* "soft" or "hard". */
const char *stage_name(enum stage stage);
bool stage_is_on(const struct rule_settings *settings, enum stage stage);
/* Whether the stage has actions beside its signal. */
bool stage_acts(const struct stage_actions *stage);
/* Indented lines, as `mazed --explain` prints them. */
void rule_settings_print(const struct rule_settings *settings, FILE *out);

#endif
