/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls the rule of the bpf engine. The Makefile links this with maze.bpf.o, so the
 * function is in the instructions that the engine loads.
 */
#include "engine/bpf/kernel_types.h"

#include "engine/bpf/shared.h"
#include "same_rule.h"

int maze_step_task(struct maze_task *watched, maze_u64 runtime_ns, maze_u32 act, maze_u64 asleep_ns,
		   struct maze_verdict *ret_verdict);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, RULE_STEPS);
	__type(key, maze_u32);
	__type(value, struct rule_step);
} rule_steps SEC(".maps");

static long take_step(maze_u32 index, void *context)
{
	struct rule_step *step = bpf_map_lookup_elem(&rule_steps, &index);
	struct maze_task watched = {};

	if (!step)
		return 1;
	watched.policy = step->policy;
	watched.account = step->account;
	watched.yield_ns = step->sample.yield_ns;
	maze_step_task(&watched, step->sample.runtime_ns, step->sample.act, step->sample.asleep_ns,
		       &step->verdict);
	step->account = watched.account;
	return 0;
}

SEC("syscall")
int take_steps(void *context)
{
	return bpf_loop(RULE_STEPS, take_step, 0, 0) == RULE_STEPS ? 0 : 1;
}
