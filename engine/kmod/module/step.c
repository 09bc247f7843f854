// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's copy of the rule, in a unit that needs nothing of the kernel: a test in
 * user space links the same object (tests/unit/test_same_rule.c).
 */
#include "step.h"

void step_account(const struct maze_policy *policy, struct maze_account *account,
		  const struct maze_sample *sample, struct maze_verdict *ret_verdict)
{
	*ret_verdict = maze_step(policy, account, sample);
}
