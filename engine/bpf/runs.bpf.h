/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notes the last runs of threads near their limits (core/runs.h), in a slot of run_log for
 * each. A slot is free when it was not used for RUNS_KEEP_NS, so no thread has to give it
 * back. A thread that finds none has no runs noted, and tries again at its next run.
 */
#ifndef MAZE_BPF_RUNS_BPF_H
#define MAZE_BPF_RUNS_BPF_H

#include "clock.bpf.h"
#include "records.bpf.h"
#include "system_call.bpf.h"

/* Longer than a reader needs after a verdict. */
#define RUNS_KEEP_NS (10 * MAZE_NSEC_PER_SEC)

MAZE_INLINE bool has_runs(void)
{
	return has_rq() && bpf_core_field_exists(struct task_struct, nvcsw) &&
	       bpf_core_field_exists(struct task_struct, nivcsw) &&
	       bpf_core_field_exists(struct task_struct, sched_info.last_arrival) &&
	       bpf_core_field_exists(struct task_struct, sched_info.run_delay);
}

/*
 * Whether the run that ends now is noted, see core/runs.h. next_ns is 0 if no stage is
 * left. After the soft verdict the bound is the maximum. One branch.
 */
MAZE_INLINE bool is_near(struct maze_task *watched, maze_u64 next_ns)
{
	maze_u64 soft = watched->account.fired & MAZE_FIRED_SOFT;

	return next_ns - 1 < (watched->account.count_ns | -soft);
}

MAZE_INLINE struct maze_runs *runs_at(maze_u64 number)
{
	maze_u32 slot = (number - 1) % MAZE_RUN_LOG_LEN;

	return bpf_map_lookup_elem(&run_log, &slot);
}

/* Returns the slot of the watch, for this episode; 0: all slots are in use. */
MAZE_INLINE struct maze_runs *runs_of(struct maze_task *watched, maze_u32 episode, maze_u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u64 number = watched->runs;
	struct maze_runs *runs = runs_at(number);

	if (!runs)
		return 0;
	if (runs->seq == number && runs->episode == episode && number)
		return runs;
	if (!number || runs->seq != number) {
		number = __sync_fetch_and_add(&state.run_logs, 1) + 1;
		runs = runs_at(number);
		if (!runs || (runs->used_ns && now - runs->used_ns < RUNS_KEEP_NS))
			return 0;
	}
	/* A reader takes no slot whose number is 0. */
	__sync_lock_test_and_set(&runs->seq, 0);
	runs->pid = process_number(task);
	runs->tid = thread_number(task);
	runs->episode = episode;
	runs->head = 0;
	runs->verdict.to_ns = 0;
	watched->runs = number;
	__sync_lock_test_and_set(&runs->seq, number);
	return runs;
}

/* Returns the rq clock. In the timer, that of the runqueue may be a tick old. */
MAZE_INLINE maze_u64 clock_of_run(struct task_struct *task, bool in_timer)
{
	maze_u64 clock = switch_clock(task), event;
	struct maze_cpu *cpu = in_timer && config.has_clock ? this_cpu() : 0;

	if (!cpu || !cpu->clock_offset_ns)
		return clock;
	event = read_event();
	return event && event + cpu->clock_offset_ns > clock ? event + cpu->clock_offset_ns : clock;
}

/* In watched->run_end, beside an enum maze_act: preempted in the kernel. */
#define RUN_PREEMPTED_BIT 8

MAZE_INLINE enum maze_run_end end_of_run(struct task_struct *task, maze_u32 end)
{
	if (end == MAZE_LOCKS)
		return MAZE_RUN_LOCK;
	if (end == MAZE_SLEEPS)
		return bpf_core_field_exists(struct task_struct, __state) &&
				       (READ(task, __state) & TASK_STOPPED_OR_TRACED)
			       ? MAZE_RUN_STOPPED
			       : MAZE_RUN_SLEPT;
	return !(end >> RUN_PREEMPTED_BIT) && in_sched_yield(task) ? MAZE_RUN_YIELDED
								   : MAZE_RUN_PREEMPTED;
}

/*
 * Notes the run of the current task, which ends, or which goes on after the verdict of
 * watched->due. It has no more arguments, because its callers have no room on their stacks.
 * Not static: see maze_notify().
 */
__noinline int maze_note_run(struct maze_task *watched, bool verdict)
{
	struct task_struct *task = bpf_get_current_task_btf(), *next;
	maze_u64 now, clock, arrival, head;
	maze_u32 level = state.pid_level;
	struct maze_runs *runs;
	struct maze_run *run;

	if (!watched || !state.stacks_max || !has_runs())
		return 0;
	now = bpf_ktime_get_boot_ns();
	runs = runs_of(watched, verdict ? watched->due.episode : watched->account.episode, now);
	if (!runs)
		return 0;
	head = runs->head;
	run = verdict ? &runs->verdict : &runs->run[head & (MAZE_RUNS_MAX - 1)];
	clock = clock_of_run(task, verdict);
	arrival = READ(task, sched_info.last_arrival);
	run->from_ns = now - (clock > arrival ? clock - arrival : 0);
	run->runtime_ns = verdict ? watched->account.runtime_ns : booked_runtime(task);
	run->waited_ns = READ(task, sched_info.run_delay);
	run->nvcsw = READ(task, nvcsw);
	run->nivcsw = READ(task, nivcsw);
	run->cpu = bpf_get_smp_processor_id();
	run->end = verdict ? MAZE_RUN_VERDICT : end_of_run(task, watched->run_end);
	run->other = 0;
	run->comm[0] = '\0';
	if (!verdict) {
		next = (struct task_struct *)watched->next;
		run->other = probed_thread_number_at(next, level);
		read_name(run->comm, next);
	}
	runs->used_ns = now;
	__sync_lock_test_and_set(&run->to_ns, now);
	if (!verdict)
		__sync_lock_test_and_set(&runs->head, head + 1);
	return 0;
}

#endif
