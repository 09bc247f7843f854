/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the system call that a task is in. Its number is in the frame by which the task
 * entered the kernel.
 */
#ifndef MAZE_BPF_SYSTEM_CALL_BPF_H
#define MAZE_BPF_SYSTEM_CALL_BPF_H

#include "maps.bpf.h"

#if defined(__TARGET_ARCH_x86)
/* Numbers from arch/x86/entry/syscalls. An x32 call has the same number plus bit 30. */
#define MAZE_NR_SCHED_YIELD 24
#define MAZE_NR_I386_FUTEX 240
#define MAZE_NR_I386_SCHED_YIELD 158
#elif defined(__TARGET_ARCH_arm64)
#define MAZE_NR_SCHED_YIELD 124 /* include/uapi/asm-generic/unistd.h */
#endif

/*
 * Returns the frame by which the task entered the kernel, which has the same offset in
 * each task's stack. Each sleep of a watched task reads the frame, so this avoids
 * bpf_task_pt_regs(), which costs 25 ns.
 */
MAZE_INLINE struct pt_regs *entry_frame(struct task_struct *task)
{
	if (!bpf_rdonly_cast || !bpf_core_field_exists(struct task_struct, stack))
		return (struct pt_regs *)bpf_task_pt_regs(task);
	return bpf_rdonly_cast((void *)((maze_u64)task->stack + state.frame_offset),
			       config.registers_type);
}

/*
 * Stores the offset of the entry frame. Call it before the handlers are attached, because
 * the stored offset is wrong for a moment.
 */
MAZE_INLINE void find_entry_frame(struct task_struct *task)
{
	/* Compute in memory, because the verifier permits no difference of pointers. */
	volatile maze_u64 *offset = &state.frame_offset;

	if (!bpf_core_field_exists(struct task_struct, stack))
		return;
	*offset = (maze_u64)bpf_task_pt_regs(task);
	*offset -= (maze_u64)task->stack;
}

/* Returns the number of the system call; negative: none. */
MAZE_INLINE long system_call(struct task_struct *task)
{
	return call_number(entry_frame(task));
}

#if defined(__TARGET_ARCH_x86)
/* Whether the system call is an i386 one (TS_COMPAT). */
MAZE_INLINE bool is_compat(struct task_struct *task)
{
	return bpf_core_field_exists(struct task_struct, thread_info.status) &&
	       (READ(task, thread_info.status) & 2);
}
#endif

MAZE_INLINE bool in_sched_yield(struct task_struct *task)
{
	long nr = system_call(task);

	if (nr == MAZE_NR_SCHED_YIELD)
		return true;
#if defined(__TARGET_ARCH_x86)
	return nr == MAZE_NR_I386_SCHED_YIELD && is_compat(task);
#else
	return false;
#endif
}

/*
 * Whether a sleeping task waits in futex(2). Call this only for a task that is not
 * stopped. The first test need not exclude i386 calls: there, 202 is getegid32(2), which
 * does not sleep, and the other numbers are futex calls too.
 */
MAZE_INLINE bool in_futex(struct task_struct *task)
{
	long nr = system_call(task);

	if (is_futex_call(nr))
		return true;
#if defined(__TARGET_ARCH_x86)
	return nr == MAZE_NR_I386_FUTEX && is_compat(task);
#else
	return false;
#endif
}

MAZE_INLINE bool in_system_call(struct task_struct *task)
{
	return system_call(task) >= 0;
}

#endif
