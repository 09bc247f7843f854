/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The runtime of a running task: what CLOCK_THREAD_CPUTIME_ID would read, or a little
 * less.
 *
 * The scheduler updates se.sum_exec_runtime at each switch and tick. Between two updates,
 * CLOCK_THREAD_CPUTIME_ID adds rq_clock_task() - se.exec_start. That clock is the CPU's
 * sched_clock less interrupt time and steal (kernel/sched/core.c,
 * update_rq_clock_task()). This file computes the same sum from the same parts. No BPF
 * helper reads sched_clock, but a counting cpu-clock perf event does
 * (kernel/events/core.c, cpu_clock_event_read()), up to a constant. Each pair (rq->clock,
 * event) is a lower bound of the constant, which is exact when the pair is read right
 * after a clock update, as at a switch.
 *
 * Always: the result is at most the task's true runtime, because a concurrent update can
 * only make the sum smaller. Time that the task will not be charged for is not in it: see
 * is_booked_ahead().
 */
#ifndef MAZE_BPF_CLOCK_BPF_H
#define MAZE_BPF_CLOCK_BPF_H

#include "maps.bpf.h"

/*
 * Whether a task's runqueue and its clock can be read. config.has_clock is the same for
 * the other members of the sum.
 */
MAZE_INLINE bool has_rq(void)
{
	return bpf_core_field_exists(struct cfs_rq, rq) &&
	       bpf_core_field_exists(struct sched_entity, cfs_rq) &&
	       bpf_core_field_exists(struct rq, clock);
}

/* CPU time of a task at its last switch or tick. */
MAZE_INLINE maze_u64 booked_runtime(struct task_struct *task)
{
	return READ(task, se.sum_exec_runtime);
}

/* Whether it will sleep when it leaves the CPU; a pending signal keeps it runnable. */
MAZE_INLINE bool may_sleep(struct task_struct *task)
{
	return !bpf_core_field_exists(struct task_struct, __state) || READ(task, __state);
}

/* Its voluntary switches; always 0 where the kernel does not count them. */
MAZE_INLINE maze_u64 voluntary_switches(struct task_struct *task)
{
	return bpf_core_field_exists(struct task_struct, nvcsw) ? READ(task, nvcsw) : 0;
}

/* The clock of the task's runqueue: cheap, and up to date during a switch. */
MAZE_INLINE maze_u64 switch_clock(struct task_struct *task)
{
	if (!has_rq())
		return bpf_ktime_get_ns();
	return READ(task->se.cfs_rq->rq, clock);
}

/* Costs about 60 ns. 0: this CPU has no clock event. */
MAZE_INLINE maze_u64 read_event(void)
{
	struct bpf_perf_event_value value = {};

	if (bpf_perf_event_read_value(&clocks, BPF_F_CURRENT_CPU, &value, sizeof(value)))
		return 0;
	return value.counter;
}

/* Improves this CPU's clock offset; call it where the runqueue clock is up to date. */
MAZE_INLINE void calibrate(struct maze_cpu *cpu, struct task_struct *task)
{
	maze_u64 clock, event;

	if (!config.has_clock || !has_rq())
		return;
	clock = READ(task->se.cfs_rq->rq, clock);
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
 * A wakeup that preempts updates the clock and makes the coming switch skip its update
 * (kernel/sched/core.c, wakeup_preempt(), RQCF_REQ_SKIP). The task runs on until the
 * switch, some 20 us, but the next task is charged for that time.
 */
MAZE_INLINE bool is_booked_ahead(struct rq *rq)
{
	return READ(rq, clock_update_flags) & 1;
}

/* A lower bound of the progress of rq_clock_task() since its last update. */
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
	/* Last: a later wakeup has a later clock than the one read here. */
	if (now <= clock || now - clock <= taken || is_booked_ahead(rq))
		return 0;
	return now - clock - taken;
}

/*
 * CPU time of the task that runs on this CPU, called in the task or in an interrupt.
 * Costs about 150 ns. The switch path does not need it: sum_exec_runtime is exact there.
 */
static __noinline maze_u64 running_runtime(struct task_struct *task, struct maze_cpu *cpu,
					   bool in_interrupt)
{
	maze_u64 sum, start, prev_steal = 0, prev_irq = 0, clock_task, now, address = 0;
	struct rq *rq;

	if (!task || !cpu)
		return 0;
	sum = booked_runtime(task);
	if (!config.has_clock || config.steal_unknown || !has_rq())
		return sum;
	/* In this order an update in between can only lose time, never count it twice. */
	rq = task->se.cfs_rq->rq;
	if (bpf_core_field_exists(struct rq, prev_steal_time_rq))
		prev_steal = READ(rq, prev_steal_time_rq);
	if (bpf_core_field_exists(struct rq, prev_irq_time))
		prev_irq = READ(rq, prev_irq_time);
	clock_task = READ(rq, clock_task);
	bpf_probe_read_kernel(&address, sizeof(address), &task->se.cfs_rq->rq);
	now = clock_task +
	      clock_task_progress(cpu, rq, address, prev_steal, prev_irq, in_interrupt);
	start = READ(task, se.exec_start);
	if (now <= start)
		return sum;
	/*
	 * Longer than the time between two ticks: the clock jumped, as after a snapshot
	 * is resumed.
	 */
	if (now - start > config.pending_max_ns)
		return sum;
	return sum + (now - start);
}

#endif
