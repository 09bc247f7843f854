/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Yields: the moment of each, and what is known of those that no probe was there to see.
 * Always: while a yield may have been missed, nothing is judged (DESIGN section 4).
 */
#ifndef MAZE_BPF_YIELDS_BPF_H
#define MAZE_BPF_YIELDS_BPF_H

#include "clock.bpf.h"
#include "records.bpf.h"

/*
 * How long a verdict waits for the yield probe, in CPU time past its limit, and at least as
 * long again as the limit: to attach it takes an attendant 0.4 ms once it runs, and 11 ms
 * by way of the system call. After that no attendant is there, and enforcement goes on.
 */
#define MAZE_DOUBT_NS (1 * MAZE_NSEC_PER_SEC)
/* Longest until a task that waits for the probe looks again whether there is one. */
#define MAZE_PROBE_WAIT_NS (4 * MAZE_NSEC_PER_MSEC)
/* Margin for the moment of a yield, which must never be taken too early. */
#define MAZE_YIELD_MARGIN_NS (20 * MAZE_NSEC_PER_USEC)
/* The same where the clock may end at the latest wakeup, some 20 us before. */
#define MAZE_AHEAD_MARGIN_NS (100 * MAZE_NSEC_PER_USEC)

#if defined(__TARGET_ARCH_x86)
/* arch/x86/entry/syscalls; x32 has bit 30. */
#define MAZE_NR_FUTEX 202
#define MAZE_NR_SCHED_YIELD 24
#define MAZE_NR_I386_FUTEX 240
#define MAZE_NR_I386_SCHED_YIELD 158
#elif defined(__TARGET_ARCH_arm64)
#define MAZE_NR_FUTEX 98 /* include/uapi/asm-generic/unistd.h */
#define MAZE_NR_SCHED_YIELD 124
#endif
/* The same on every architecture. */
#define MAZE_NR_FUTEX_TIME64 422
#define MAZE_NR_FUTEX_WAITV 449
#define MAZE_NR_FUTEX_WAIT 455

/* Since 6.2. The verifier replaces the call by a move. */
extern void *bpf_rdonly_cast(const void *object, maze_u32 type) __ksym __weak;

/*
 * The frame that the task entered the kernel by. It has the same place on every task's
 * stack, and each sleep of a watched task reads it: bpf_task_pt_regs() costs 25 ns.
 */
MAZE_INLINE struct pt_regs *entry_frame(struct task_struct *task)
{
	if (!bpf_rdonly_cast || !bpf_core_field_exists(struct task_struct, stack))
		return (struct pt_regs *)bpf_task_pt_regs(task);
	return bpf_rdonly_cast((void *)((maze_u64)task->stack + state.frame_offset),
			       bpf_core_type_id_kernel(struct pt_regs));
}

/* Before the handlers are attached: until it returns, the offset is wrong. */
MAZE_INLINE void find_entry_frame(struct task_struct *task)
{
	/* By way of memory: the verifier permits no difference of pointers. */
	volatile maze_u64 *offset = &state.frame_offset;

	if (!bpf_core_field_exists(struct task_struct, stack))
		return;
	*offset = (maze_u64)bpf_task_pt_regs(task);
	*offset -= (maze_u64)task->stack;
}

/* The system call that the task is in. */
MAZE_INLINE long system_call(struct task_struct *task)
{
	struct pt_regs *regs = entry_frame(task);

#if defined(__TARGET_ARCH_x86)
	return READ(regs, orig_ax) & ~0x40000000UL;
#elif defined(__TARGET_ARCH_arm64)
	return READ(regs, syscallno);
#endif
}

#if defined(__TARGET_ARCH_x86)
/* TS_COMPAT: the number is one of i386. */
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

/* Of a task that sleeps and is not stopped: no other call with one of these numbers sleeps. */
MAZE_INLINE bool in_futex(struct task_struct *task)
{
	long nr = system_call(task);

	if (nr == MAZE_NR_FUTEX || nr == MAZE_NR_FUTEX_WAIT || nr == MAZE_NR_FUTEX_WAITV ||
	    nr == MAZE_NR_FUTEX_TIME64)
		return true;
#if defined(__TARGET_ARCH_x86)
	return nr == MAZE_NR_I386_FUTEX && is_compat(task);
#else
	return false;
#endif
}

MAZE_INLINE bool yields_reset(struct maze_task *watched)
{
	return !(watched->policy.flags & MAZE_POLICY_YIELD_COUNTS);
}

/*
 * An upper bound of the current task's runtime, for the moment of its yield. 0: an update
 * came in between; a tick may, but not twice in a row. `booked`: __schedule() has just
 * brought the books up to date, so that a clock is not needed.
 */
MAZE_INLINE maze_u64 runtime_at_most(struct task_struct *task, struct maze_cpu *cpu, bool booked)
{
	maze_u64 before = booked_runtime(task), now;

	if (!config.has_clock || !cpu->clock_offset_ns || config.steal_unknown || !has_rq()) {
		if (booked && has_rq() &&
		    READ(task, se.exec_start) == READ(task->se.cfs_rq->rq, clock_task))
			return before + MAZE_AHEAD_MARGIN_NS;
		return before + config.pending_max_ns;
	}
	now = running_runtime(task, cpu, false) + MAZE_YIELD_MARGIN_NS;
	/* Then the clock ends at the wakeup, and the task is about to be switched out. */
	if (is_booked_ahead(task->se.cfs_rq->rq))
		now += MAZE_AHEAD_MARGIN_NS;
	return before == booked_runtime(task) ? now : 0;
}

/*
 * Notes that the current task yields. The account belongs to the switch and the
 * timer; here only the moment is left for them, as one word. It must not be too
 * early: so the clock is read between two equal readings of the runtime, and a
 * margin is added that covers what the clock rounds down.
 */
__noinline int maze_note_yield(struct maze_task *watched, struct maze_cpu *cpu, bool booked)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u64 moment;

	if (!watched || !cpu)
		return 0;
	moment = runtime_at_most(task, cpu, booked);
	if (!moment)
		moment = runtime_at_most(task, cpu, booked);
	if (!moment)
		moment = booked_runtime(task) + config.pending_max_ns;
	if (moment > watched->yield_ns)
		watched->yield_ns = moment;
	return 0;
}

MAZE_INLINE void drop_near(void)
{
	if (__sync_fetch_and_sub(&state.near_count, 1) == 1)
		maze_ring_doorbells(state.near_bells);
}

MAZE_INLINE void leave_near(struct maze_task *watched)
{
	if (watched->near == MAZE_NEAR_YES &&
	    __sync_val_compare_and_swap(&watched->near, MAZE_NEAR_YES, MAZE_NEAR_NO) ==
		    MAZE_NEAR_YES)
		drop_near();
}

MAZE_INLINE void enter_near(struct maze_task *watched)
{
	if (watched->near == MAZE_NEAR_NO &&
	    __sync_val_compare_and_swap(&watched->near, MAZE_NEAR_NO, MAZE_NEAR_YES) ==
		    MAZE_NEAR_NO &&
	    __sync_fetch_and_add(&state.near_count, 1) == 0)
		maze_ring_doorbells(state.near_bells);
}

MAZE_INLINE bool needs_attached_probe(struct maze_task *watched)
{
	return config.yield_probe == MAZE_YIELD_ON_DEMAND && yields_reset(watched);
}

/*
 * A yield that no probe saw may have been at any moment before a probe was attached. So
 * what an account has from before does not count from its first sample after: late, never
 * early. Call it before each step; for the current task, unless `cpu` is 0.
 */
MAZE_INLINE void doubt_unseen_time(struct maze_task *watched, struct maze_cpu *cpu,
				   struct maze_sample *sample)
{
	bool yielded = watched->yield_ns > watched->account.yield_ns;
	maze_u32 attached;

	if (!needs_attached_probe(watched))
		return;
	attached = state.yield_probe;
	if (attached == watched->yield_probe)
		return;
	watched->yield_probe = attached;
	if (!attached || !watched->account.begun)
		return;
	if (cpu)
		maze_note_yield(watched, cpu, false);
	else if (sample->runtime_ns > watched->yield_ns)
		watched->yield_ns = sample->runtime_ns;
	/* A yield that was seen is a reset point, and has the same effect on the count. */
	if (!yielded)
		maze_doubt(&watched->account, watched->yield_ns);
	sample->yield_ns = watched->yield_ns;
}

/* The stages of `due` that no unseen yield can have put off: see MAZE_DOUBT_NS. */
MAZE_INLINE maze_u32 beyond_doubt(struct maze_task *watched, maze_u64 count_ns, maze_u32 due)
{
	maze_u64 soft_ns = watched->policy.soft_ns, hard_ns = watched->policy.hard_ns;

	if (!needs_attached_probe(watched))
		return due;
	/* Whoever attached it may have been killed, and the probe gone with it. */
	if (bpf_ktime_get_boot_ns() > state.probe_until_ns)
		watched->yield_probe = state.yield_probe = 0;
	if (watched->yield_probe)
		return due;
	if (count_ns < soft_ns + (soft_ns > MAZE_DOUBT_NS ? soft_ns : MAZE_DOUBT_NS))
		due &= ~MAZE_FIRED_SOFT;
	if (count_ns < hard_ns + (hard_ns > MAZE_DOUBT_NS ? hard_ns : MAZE_DOUBT_NS))
		due &= ~MAZE_FIRED_HARD;
	return due;
}

/*
 * Where yields that do not switch cannot be seen for nothing, a task has to be
 * looked at once more, on its way to a limit: past the mark it wants the yield
 * probe, and as long as no probe is there its timer looks every now and then
 * whether there is one, and whether it runs into a yield.
 */
MAZE_INLINE maze_u64 next_account_look(struct maze_task *watched, maze_u64 count_ns,
				       maze_u64 next_ns)
{
	maze_u64 limit_ns = count_ns + next_ns, mark_ns = limit_ns >> config.near_shift;
	maze_u64 sample_ns, wait_ns;

	if (!yields_reset(watched))
		return next_ns;
	sample_ns = maze_next_sample(&watched->policy, next_ns);
	if (config.yield_probe == MAZE_YIELD_PERMANENT)
		return sample_ns;
	if (next_ns && count_ns < mark_ns)
		return mark_ns - count_ns < sample_ns ? mark_ns - count_ns : sample_ns;
	enter_near(watched);
	if (watched->yield_probe)
		return sample_ns;
	wait_ns = limit_ns / 16;
	if (wait_ns > MAZE_PROBE_WAIT_NS)
		wait_ns = MAZE_PROBE_WAIT_NS;
	if (wait_ns < MAZE_PROBE_WAIT_NS / 16)
		wait_ns = MAZE_PROBE_WAIT_NS / 16;
	return wait_ns < sample_ns ? wait_ns : sample_ns;
}

#endif
