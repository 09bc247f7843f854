/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes stacks of a runaway thread (core/stack.h), in the timer's soft interrupt or at
 * the thread's switch-out.
 *
 * The kernel's unwinder starts in this program, so the frames of the current interrupt
 * come before those of the thread. On x86 this program can find the interrupted code. If
 * the interrupt came in user mode, the CPU stays on the thread's kernel stack, which was
 * empty. If it came in the kernel, the CPU moves to its interrupt stack, whose first word
 * points back to the thread's stack (arch/x86/include/asm/irq_stack.h). The thread's
 * stack has the registers of the interrupted kernel code. Their instruction pointer is
 * the address of the thread's first frame. On other architectures a thread counts as in
 * the kernel if it has a system call number. So a fault counts as user code there, and
 * the frames of the interrupt stay on top.
 *
 * The user frames of the log slot are the scratch space. So a program that interrupts
 * this one does not use the same space. The log is written like those of records.bpf.h.
 */
#ifndef MAZE_BPF_STACKS_BPF_H
#define MAZE_BPF_STACKS_BPF_H

#include "clock.bpf.h"
#include "records.bpf.h"
#include "system_call.bpf.h"

/* Number of frames to unwind. An interrupt adds about 20 before those that are kept. */
#define TRACE_MAX 96U
/* Words of the thread's stack to search for registers. Only small frames come first. */
#define WINDOW_WORDS 64U
_Static_assert((TRACE_MAX + WINDOW_WORDS) * sizeof(maze_u64) <=
		       MAZE_STACK_USER_MAX * sizeof(struct maze_frame),
	       "both fit into the user frames");

enum taken_at {
	TAKEN_IN_TIMER,
	TAKEN_AT_SWITCH,
};

/* Returns the address of the runqueue, to find the interrupt stack; 0: unknown. */
MAZE_INLINE maze_u64 rq_address(struct task_struct *task)
{
	return config.has_irq_stack && has_rq() ? (maze_u64)BPF_CORE_READ(task, se.cfs_rq, rq) : 0;
}

/* Whether the timer interrupted kernel code of the thread. */
MAZE_INLINE bool interrupted_in_kernel(maze_u64 rq)
{
	unsigned char in_use = 0;

	bpf_probe_read_kernel(&in_use, sizeof(in_use), (const void *)(rq + config.irq_inuse_delta));
	return in_use;
}

/* Whether these five words are saved registers of interrupted kernel code. */
MAZE_INLINE bool are_kernel_registers(const maze_u64 *words, maze_u64 address)
{
	/*
	 * The words are ip, cs, flags, sp, ss. An interrupted context has interrupts on.
	 */
	if ((words[1] & 0xffff) != 0x10 || !(words[2] & 0x200))
		return false;
	if ((words[4] & 0xffff) != 0x18 && (words[4] & 0xffff))
		return false;
	/* The interrupted sp was right above these words, up to the CPU's alignment. */
	return words[3] - (address + 5 * sizeof(maze_u64)) < 128;
}

/* State of a search in an array: bpf_loop() has its body verified once, not per index. */
struct search {
	const maze_u64 *words;
	maze_u64 value; /* searched, or the address of the array */
	maze_u64 found;
};

static long match_registers(maze_u32 index, struct search *search)
{
	const maze_u64 *words = search->words;

	if (index > WINDOW_WORDS - 5)
		return 1;
	if (!are_kernel_registers(&words[index], search->value + index * sizeof(*words)))
		return 0;
	search->found = words[index];
	return 1;
}

/* Returns the kernel address that was interrupted; 0: unknown. */
MAZE_INLINE maze_u64 interrupted_at(maze_u64 rq, maze_u64 *window)
{
	struct search search = { .words = window };

	if (!window)
		return 0;
	search.value = read_u64(read_u64(rq + config.irq_stack_delta));
	if (!search.value || bpf_probe_read_kernel(window, WINDOW_WORDS * sizeof(*window),
						   (const void *)search.value))
		return 0;
	bpf_loop(WINDOW_WORDS - 4, match_registers, &search, 0);
	return search.found;
}

static long match_frame(maze_u32 index, struct search *search)
{
	if (index >= TRACE_MAX)
		return 1;
	if (search->words[index] != search->value)
		return 0;
	search->found = index;
	return 1;
}

/* Returns the index of the first frame with this address; TRACE_MAX: none. */
MAZE_INLINE maze_u64 find_frame(const maze_u64 *trace, maze_u32 frames, maze_u64 address)
{
	struct search search = { .words = trace, .value = address, .found = TRACE_MAX };

	bpf_loop(frames, match_frame, &search, 0);
	return search.found;
}

MAZE_INLINE void keep_frames(struct maze_stack *stack, const maze_u64 *trace, maze_u32 first,
			     maze_u32 frames)
{
	maze_u32 count = frames - first;

	if (first >= TRACE_MAX || first >= frames)
		return;
	if (count > MAZE_STACK_KERNEL_MAX) {
		count = MAZE_STACK_KERNEL_MAX;
		stack->flags |= MAZE_STACK_KERNEL_CUT;
	}
	stack->kernel_frames = count;
	bpf_probe_read_kernel(stack->kernel, count * sizeof(*trace), &trace[first]);
}

static __noinline int take_kernel_frames(struct task_struct *task, struct maze_stack *stack,
					 maze_u32 at)
{
	maze_u64 *trace, rq = 0, address = 0, first = 0;
	maze_u32 frames;
	long size;

	if (!task || !stack)
		return 0;
	trace = (maze_u64 *)stack->user;
	if (at == TAKEN_IN_TIMER)
		rq = rq_address(task);
	/* A thread preempted on its way back to user mode counts as in user code. */
	if (rq ? !interrupted_in_kernel(rq)
	       : !in_system_call(task) && (at == TAKEN_IN_TIMER || !may_sleep(task)))
		return 0;
	stack->flags |= MAZE_STACK_IN_KERNEL;
	size = bpf_get_task_stack(task, trace, TRACE_MAX * sizeof(*trace), 0);
	if (size <= 0)
		return 0;
	frames = size / sizeof(*trace);
	if (rq)
		address = interrupted_at(rq, trace + TRACE_MAX);
	if (address)
		first = find_frame(trace, frames, address);
	if (!address || first >= frames) {
		stack->flags |= MAZE_STACK_TAKER_ON_TOP;
		first = 0;
	}
	keep_frames(stack, trace, first, frames);
	return 0;
}

MAZE_INLINE void take_user_frames(struct task_struct *task, struct maze_stack *stack)
{
	long size = bpf_get_task_stack(task, stack->user, sizeof(stack->user),
				       BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);

	if (size <= 0)
		return;
	stack->user_frames = size / sizeof(stack->user[0]);
	if (stack->user_frames == MAZE_STACK_USER_MAX)
		stack->flags |= MAZE_STACK_USER_CUT;
}

/*
 * Takes a stack of the current task, for the episode of watched->sampled. See
 * maze_notify() for why this function is global.
 */
__noinline int maze_take_stack(struct maze_task *watched, maze_u64 count_ns, maze_u32 at)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u64 seq = __sync_fetch_and_add(&state.evidence_heads[MAZE_EVIDENCE_STACKS], 1) + 1;
	maze_u32 slot = (seq - 1) % MAZE_STACK_LOG_LEN;
	struct maze_stack *stack = bpf_map_lookup_elem(&stack_log, &slot);

	if (!stack || !watched)
		return 0;
	*(volatile maze_u64 *)&stack->seq = 0;
	stack->boot_ns = bpf_ktime_get_boot_ns();
	stack->count_ns = count_ns;
	stack->tag = watched->tag;
	stack->pid = process_number(task);
	stack->tid = thread_number(task);
	stack->episode = watched->sampled - 1;
	stack->cpu = bpf_get_smp_processor_id();
	stack->number = watched->stacks;
	stack->flags = 0;
	stack->user_frames = 0;
	stack->kernel_frames = 0;
	stack->reserved = 0;
	take_kernel_frames(task, stack, at);
	take_user_frames(task, stack);
	watched->stacks++;
	watched->stack_due_ns = watched->account.runtime_ns + state.stack_interval_ns;
	__sync_lock_test_and_set(&stack->seq, seq);
	return maze_notify(state.notify_evidence);
}

#endif
