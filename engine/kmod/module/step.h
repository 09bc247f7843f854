/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_KMOD_STEP_H
#define MAZE_KMOD_STEP_H

#include "../../../core/step.h"

/* Calls maze_step(). */
void step_account(const struct maze_policy *policy, struct maze_account *account,
		  const struct maze_sample *sample, struct maze_verdict *ret_verdict);

#endif
