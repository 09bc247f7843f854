/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decides when evidence is taken. The first verdict of an episode takes a process info
 * and a stack. Then the timer takes a stack each time the task has used
 * state.stack_interval_ns of CPU time. It stops after state.stacks_max stacks or at the
 * end of the episode. If stacks_max is 0, no evidence is taken.
 */
#ifndef MAZE_BPF_EVIDENCE_BPF_H
#define MAZE_BPF_EVIDENCE_BPF_H

#include "process_info.bpf.h"
#include "runs.bpf.h"
#include "stacks.bpf.h"

/* Takes the first evidence of the verdict's episode, unless it was taken already. */
MAZE_INLINE int begin_evidence(struct task_struct *task, struct maze_task *watched,
			       maze_u64 count_ns, maze_u32 at)
{
	if (!task || !watched || watched->sampled == watched->due.episode + 1)
		return 0;
	watched->sampled = watched->due.episode + 1;
	watched->stacks = 0;
	maze_take_process_info(watched);
	/* An exiting thread has no user stack, and before 6.16 no mm either. */
	if (!(READ(task, flags) & PF_EXITING))
		maze_take_stack(watched, count_ns, at);
	return 0;
}

/* Returns the CPU time until the next stack; 0: no stack follows; 1: one is due. */
MAZE_INLINE maze_u64 next_stack(struct maze_task *watched)
{
	if (watched->sampled != watched->account.episode + 1 || watched->stacks >= state.stacks_max)
		return 0;
	if (watched->account.runtime_ns >= watched->stack_due_ns)
		return 1;
	return watched->stack_due_ns - watched->account.runtime_ns;
}

/* Takes a stack if one is due. The timer calls this after the step. */
MAZE_INLINE void go_on_sampling(struct task_struct *task, struct maze_task *watched)
{
	if (next_stack(watched) == 1 && !(READ(task, flags) & PF_EXITING))
		maze_take_stack(watched, watched->account.count_ns, TAKEN_IN_TIMER);
}

/* Returns the CPU time until the next check of the account or the next stack. */
MAZE_INLINE maze_u64 or_next_stack(struct maze_task *watched, maze_u64 next_ns)
{
	maze_u64 stack_ns;

	if (!watched->account.fired)
		return next_ns;
	stack_ns = next_stack(watched);
	return stack_ns && (!next_ns || stack_ns < next_ns) ? stack_ns : next_ns;
}

#endif
