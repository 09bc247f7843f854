/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Computes the runtime of a running task. The result is what CLOCK_THREAD_CPUTIME_ID
 * would read, or a little less.
 *
 * The scheduler updates se.sum_exec_runtime at each switch and tick. Between two updates,
 * CLOCK_THREAD_CPUTIME_ID adds rq_clock_task() - se.exec_start. rq_clock_task() is the
 * CPU's sched_clock less interrupt time and steal time (kernel/sched/core.c,
 * update_rq_clock_task()). This file computes the same sum from the same parts. No BPF
 * helper reads sched_clock. But a counting cpu-clock perf event reads sched_clock up to a
 * constant offset (kernel/events/core.c, cpu_clock_event_read()). Each rq->clock minus
 * the event read after it is a lower bound of the offset. The bound is exact right after
 * a clock update, as at a switch.
 *
 * Always: the result is at most the task's true runtime, because a concurrent update can
 * only make the sum smaller. The result omits time that the task will not be charged for,
 * see is_booked_ahead().
 */
#ifndef MAZE_BPF_CLOCK_BPF_H
#define MAZE_BPF_CLOCK_BPF_H

#include "maps.bpf.h"

/*
 * Whether a task's runqueue and its clock can be read. config.has_clock covers the other
 * members that running_runtime() reads.
 */
MAZE_INLINE bool has_rq(void)
{
	return bpf_core_field_exists(struct cfs_rq, rq) &&
	       bpf_core_field_exists(struct sched_entity, cfs_rq) &&
	       bpf_core_field_exists(struct rq, clock);
}

/*
 * Whether the task sleeps if it leaves the CPU now; true if that is unknown. A pending
 * signal sets __state to 0, so the task stays runnable.
 */
MAZE_INLINE bool may_sleep(struct task_struct *task)
{
	return !bpf_core_field_exists(struct task_struct, __state) || READ(task, __state);
}

/* Returns the count of voluntary switches; always 0 if the kernel does not count them. */
MAZE_INLINE maze_u64 voluntary_switches(struct task_struct *task)
{
	return bpf_core_field_exists(struct task_struct, nvcsw) ? READ(task, nvcsw) : 0;
}

/*
 * Reads the task's runqueue clock. It is cheap to read, and up to date during a switch.
 */
MAZE_INLINE maze_u64 switch_clock(struct task_struct *task)
{
	if (!has_rq())
		return bpf_ktime_get_ns();
	return READ(untrusted(task)->se.cfs_rq->rq, clock);
}

/* Reads the clock event of this CPU in about 60 ns. 0: this CPU has no clock event. */
MAZE_INLINE maze_u64 read_event(void)
{
	struct bpf_perf_event_value value = {};

	if (bpf_perf_event_read_value(&clocks, BPF_F_CURRENT_CPU, &value, sizeof(value)))
		return 0;
	return value.counter;
}

/* Improves this CPU's clock offset by the runqueue clock, which must be up to date. */
MAZE_INLINE void calibrate(struct maze_cpu *cpu, maze_u64 clock)
{
	maze_u64 event;

	if (!config.has_clock || !has_rq())
		return;
	event = read_event();
	if (event && clock - event > cpu->clock_offset_ns && clock > event)
		cpu->clock_offset_ns = clock - event;
}

MAZE_INLINE maze_u64 read_u64(maze_u64 address)
{
	maze_u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (const void *)address);
	return value;
}

/*
 * A wakeup that preempts a task updates the clock and makes the coming switch skip its
 * own update (kernel/sched/core.c, wakeup_preempt(), RQCF_REQ_SKIP). The task runs on for
 * about 20 us until the switch, but the kernel charges this time to the next task.
 */
MAZE_INLINE bool is_booked_ahead(struct rq *rq)
{
	return READ(rq, clock_update_flags) & 1;
}

/* Returns a lower bound of the progress of rq_clock_task() since its last update. */
MAZE_INLINE maze_u64 clock_task_progress(struct maze_cpu *cpu, struct rq *rq, maze_u64 rq_address,
					 maze_u64 prev_steal, maze_u64 prev_irq, bool in_interrupt)
{
	maze_u64 clock = READ(rq, clock), now, event, taken = 0, stolen, start;

	event = read_event();
	if (!event || !cpu->clock_offset_ns)
		return 0;
	now = event + cpu->clock_offset_ns;

	if (config.has_irqtime) {
		start = read_u64(rq_address + config.irq_start_delta);
		/* The current interrupt is not the task's time. */
		if (in_interrupt && start && start < now)
			now = start;
		taken = read_u64(rq_address + config.irq_total_delta) - prev_irq;
	}
	if (config.has_steal) {
		stolen = read_u64(rq_address + config.steal_delta);
		if (stolen > prev_steal)
			taken += stolen - prev_steal;
	}
	/* Call is_booked_ahead() last. Any later wakeup then comes after `now`. */
	if (now <= clock || now - clock <= taken || is_booked_ahead(rq))
		return 0;
	return now - clock - taken;
}

/*
 * Returns the CPU time of the current task. Callers run in that task or in an interrupt.
 * A call costs about 150 ns. The switch path does not need this function, because
 * sum_exec_runtime is exact there. The function is not static for the reason given at
 * maze_notify().
 */
__noinline maze_u64 maze_running_runtime(struct maze_cpu *cpu, bool in_interrupt)
{
	maze_u64 sum, start, prev_steal = 0, prev_irq = 0, clock_task, now, address = 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct cfs_rq *cfs_rq;
	struct rq *rq;

	if (!cpu)
		return 0;
	sum = booked_runtime(task);
	if (!config.has_clock || config.steal_unknown || !has_rq())
		return sum;
	/* Read in this order, so that a concurrent update counts no time twice. */
	cfs_rq = untrusted(task)->se.cfs_rq;
	rq = cfs_rq->rq;
	if (bpf_core_field_exists(struct rq, prev_steal_time_rq))
		prev_steal = READ(rq, prev_steal_time_rq);
	if (bpf_core_field_exists(struct rq, prev_irq_time))
		prev_irq = READ(rq, prev_irq_time);
	clock_task = READ(rq, clock_task);
	bpf_probe_read_kernel(&address, sizeof(address), &cfs_rq->rq);
	now = clock_task +
	      clock_task_progress(cpu, rq, address, prev_steal, prev_irq, in_interrupt);
	start = READ(task, se.exec_start);
	if (now <= start)
		return sum;
	/*
	 * This is longer than the time between two ticks. So the clock has jumped, as it
	 * does when a virtual machine resumes from a snapshot.
	 */
	if (now - start > config.pending_max_ns)
		return sum;
	return sum + (now - start);
}

#endif
