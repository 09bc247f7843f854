/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a watched process is treated: where a treatment starts from, what in it does
 * not go together, what in it has no effect, and the whole in words.
 */
#ifndef MAZE_DAEMON_TREATMENT_H
#define MAZE_DAEMON_TREATMENT_H

#include <stdio.h>

#include "rules.h"

/* The library's default policy, no action, and the bounds of treatment.c. */
void treatment_init(struct treatment *treatment);
void treatment_done(struct treatment *treatment);
/* "soft" or "hard". */
const char *stage_name(enum stage stage);
/* Whether the policy has the stage at all. */
bool stage_is_on(const struct treatment *treatment, enum stage stage);
/* Whether the stage does anything beyond its signal. */
bool stage_acts(const struct stage_actions *stage);
/* Indented lines, one for each thing that a person would ask about. */
void treatment_print(const struct treatment *treatment, FILE *out);

#endif
