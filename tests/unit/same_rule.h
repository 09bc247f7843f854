/* SPDX-License-Identifier: GPL-2.0-only */
/* A step of the rule, in the map between test_same_rule.c and same_rule.bpf.c. */
#ifndef MAZE_TEST_SAME_RULE_H
#define MAZE_TEST_SAME_RULE_H

#include "core/step.h"

/* The steps that one run of the BPF program takes. */
#define RULE_STEPS 4096U

struct rule_step {
	struct maze_policy policy;
	struct maze_sample sample;
	struct maze_account account; /* before the step, then after it */
	struct maze_verdict verdict;
};

#endif
