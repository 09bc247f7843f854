/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When evidence is taken: at the first verdict of an episode a process_info and a stack,
 * then a stack each state.stack_interval_ns of the task's own CPU time, from the timer,
 * until there are state.stacks_max or the episode ends. Nothing at all while
 * state.stacks_max is 0, and nothing for a task that has had no verdict.
 */
#ifndef MAZE_BPF_EVIDENCE_BPF_H
#define MAZE_BPF_EVIDENCE_BPF_H

#include "process_info.bpf.h"
#include "stacks.bpf.h"

/* Taken of this verdict's episode, unless there is evidence of it already. */
static __noinline int begin_evidence(struct task_struct *task, struct maze_task *watched,
				     maze_u64 count_ns, maze_u32 at)
{
	if (!task || !watched || watched->sampled == watched->due.episode + 1)
		return 0;
	watched->sampled = watched->due.episode + 1;
	watched->stacks = 0;
	maze_take_process_info(watched);
	/* Who ends is nowhere any more: before 6.16 it has no memory left, either. */
	if (!(READ(task, flags) & PF_EXITING))
		maze_take_stack(watched, count_ns, at);
	return 0;
}

/* CPU time until the next stack; 0: there is to be none. */
MAZE_INLINE maze_u64 next_stack(struct maze_task *watched)
{
	if (watched->sampled != watched->account.episode + 1 || watched->stacks >= state.stacks_max)
		return 0;
	if (watched->account.runtime_ns >= watched->stack_due_ns)
		return 1;
	return watched->stack_due_ns - watched->account.runtime_ns;
}

/* In the timer, after the account has been stepped. */
MAZE_INLINE void go_on_sampling(struct task_struct *task, struct maze_task *watched)
{
	if (next_stack(watched) == 1 && !(READ(task, flags) & PF_EXITING))
		maze_take_stack(watched, watched->account.count_ns, TAKEN_IN_TIMER);
}

/* The earlier of a look at the account and one at the stack. */
MAZE_INLINE maze_u64 or_next_stack(struct maze_task *watched, maze_u64 next_ns)
{
	maze_u64 stack_ns;

	if (!watched->account.fired)
		return next_ns;
	stack_ns = next_stack(watched);
	return stack_ns && (!next_ns || stack_ns < next_ns) ? stack_ns : next_ns;
}

#endif
