/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records the time of each yield, and handles the time without an attached yield probe.
 * Always: while a yield may have been missed, no verdict is given (DESIGN section 4).
 */
#ifndef MAZE_BPF_YIELDS_BPF_H
#define MAZE_BPF_YIELDS_BPF_H

#include "clock.bpf.h"
#include "records.bpf.h"
#include "system_call.bpf.h"

/*
 * A verdict waits for the yield probe until the count is twice the limit, and at least
 * this much CPU time above the limit. The yield-probe service attaches the probe in 0.4
 * ms, or the system-call tracepoint in 11 ms. If the probe is not attached by then, the
 * verdict does not wait longer.
 */
#define MAZE_DOUBT_NS (1 * MAZE_NSEC_PER_SEC)
/* Longest delay between two checks of a stage that is due but must wait. */
#define MAZE_WAIT_NS (4 * MAZE_NSEC_PER_MSEC)
/* A margin that is added to the time of a yield, which must never be too early. */
#define MAZE_YIELD_MARGIN_NS (20 * MAZE_NSEC_PER_USEC)
/* A margin for a clock that may have stopped at the latest wakeup, about 20 us ago. */
#define MAZE_AHEAD_MARGIN_NS (100 * MAZE_NSEC_PER_USEC)

MAZE_INLINE bool yields_reset(struct maze_task *watched)
{
	return !(watched->policy.flags & MAZE_POLICY_YIELD_COUNTS);
}

/*
 * Returns an upper bound of the current task's runtime, for the time of its yield. 0: a
 * tick has just updated the runtime, which does not happen twice in a row. With `booked`,
 * __schedule() has just updated the runtime, so no clock is needed.
 */
__noinline maze_u64 maze_runtime_at_most(struct maze_cpu *cpu, bool booked)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u64 before = booked_runtime(task), now;

	if (!cpu)
		return 0;
	if (!config.has_clock || !cpu->clock_offset_ns || config.steal_unknown || !has_rq()) {
		if (booked && has_rq() &&
		    READ(task, se.exec_start) == READ(untrusted(task)->se.cfs_rq->rq, clock_task))
			return before + MAZE_AHEAD_MARGIN_NS;
		return before + config.pending_max_ns;
	}
	now = maze_running_runtime(cpu, false) + MAZE_YIELD_MARGIN_NS;
	/* A wakeup has stopped the clock, and the task is about to be switched out. */
	if (is_booked_ahead(untrusted(task)->se.cfs_rq->rq))
		now += MAZE_AHEAD_MARGIN_NS;
	return before == booked_runtime(task) ? now : 0;
}

/*
 * Notes that the current task yields. Only the switch and the timer may change the
 * account. So this only stores the time of the yield for them, in one word. The time must
 * not be too early. So the clock is read between two equal readings of the runtime, and a
 * margin covers its rounding.
 */
__noinline int maze_note_yield(struct maze_task *watched, struct maze_cpu *cpu, bool booked)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u64 moment;

	if (!watched || !cpu)
		return 0;
	moment = maze_runtime_at_most(cpu, booked);
	if (!moment)
		moment = maze_runtime_at_most(cpu, booked);
	if (!moment)
		moment = booked_runtime(task) + config.pending_max_ns;
	if (moment > watched->yield_ns)
		watched->yield_ns = moment;
	return 0;
}

MAZE_INLINE void drop_yield_probe_user(void)
{
	if (__sync_fetch_and_sub(&state.yield_probe_users, 1) == 1)
		maze_notify(state.notify_yield_probe);
}

MAZE_INLINE void release_yield_probe(struct maze_task *watched)
{
	if (watched->needs_yield_probe == MAZE_PROBE_NEEDED &&
	    __sync_val_compare_and_swap(&watched->needs_yield_probe, MAZE_PROBE_NEEDED,
					MAZE_PROBE_NOT_NEEDED) == MAZE_PROBE_NEEDED)
		drop_yield_probe_user();
}

MAZE_INLINE void need_yield_probe(struct maze_task *watched)
{
	if (watched->needs_yield_probe == MAZE_PROBE_NOT_NEEDED &&
	    __sync_val_compare_and_swap(&watched->needs_yield_probe, MAZE_PROBE_NOT_NEEDED,
					MAZE_PROBE_NEEDED) == MAZE_PROBE_NOT_NEEDED &&
	    __sync_fetch_and_add(&state.yield_probe_users, 1) == 0)
		maze_notify(state.notify_yield_probe);
}

MAZE_INLINE bool needs_attached_probe(struct maze_task *watched)
{
	return config.yield_probe == MAZE_YIELD_ON_DEMAND && yields_reset(watched);
}

/*
 * Before the probe was attached, yields may have been missed. So the first step after the
 * attachment discards the count so far: the verdict is late, but never early. Call this
 * before each step. The task must be current, unless `cpu` is 0.
 */
MAZE_INLINE void doubt_unprobed_time(struct maze_task *watched, struct maze_cpu *cpu,
				     maze_u64 runtime_ns)
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
	else if (runtime_ns > watched->yield_ns)
		watched->yield_ns = runtime_ns;
	/* A yield that was seen has its own reset, so the count need not be discarded. */
	if (!yielded)
		maze_doubt(&watched->account, watched->yield_ns);
}

/* Returns the stages of `due` that need not wait for the probe, see MAZE_DOUBT_NS. */
MAZE_INLINE maze_u32 certain_stages(struct maze_task *watched, maze_u64 count_ns, maze_u32 due)
{
	maze_u64 soft_ns = watched->policy.soft_ns, hard_ns = watched->policy.hard_ns;

	if (!needs_attached_probe(watched))
		return due;
	/* If the lease has ended, the service was killed and the probe is detached. */
	if (bpf_ktime_get_boot_ns() > state.probe_lease_until_ns)
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
 * Returns the CPU time until the next check of the account. Without the permanent probe,
 * one more check precedes a limit, at the count from which the task needs the probe. From
 * there on, and until the probe is attached, the timer checks at short intervals. It
 * checks whether the probe is attached and whether the task is in a yield.
 */
MAZE_INLINE maze_u64 next_account_check(struct maze_task *watched, maze_u64 count_ns,
					maze_u64 next_ns)
{
	maze_u64 limit_ns = count_ns + next_ns, mark_ns = limit_ns >> config.probe_shift;
	maze_u64 sample_ns, wait_ns;

	if (!yields_reset(watched))
		return next_ns;
	sample_ns = maze_next_sample(&watched->policy, next_ns);
	if (config.yield_probe == MAZE_YIELD_PERMANENT)
		return sample_ns;
	if (next_ns && count_ns < mark_ns)
		return mark_ns - count_ns < sample_ns ? mark_ns - count_ns : sample_ns;
	need_yield_probe(watched);
	if (watched->yield_probe)
		return sample_ns;
	wait_ns = limit_ns / 16;
	if (wait_ns > MAZE_WAIT_NS)
		wait_ns = MAZE_WAIT_NS;
	if (wait_ns < MAZE_WAIT_NS / 16)
		wait_ns = MAZE_WAIT_NS / 16;
	return wait_ns < sample_ns ? wait_ns : sample_ns;
}

#endif
