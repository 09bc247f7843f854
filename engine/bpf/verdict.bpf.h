/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a sample to what is done about it: the step of core/, the signal, the
 * record, and when to look again. The rule itself is not here.
 *
 * A signal goes to the current task, so maze_act_on() may only be called where the
 * task that was judged is current: at its switch-out, in the timer on top of it,
 * and at its exit; never at its switch-in.
 */
#ifndef MAZE_BPF_VERDICT_BPF_H
#define MAZE_BPF_VERDICT_BPF_H

#include "clock.bpf.h"
#include "evidence.bpf.h"
#include "records.bpf.h"

/* Soonest second look when the kernel was too busy to take a signal. */
#define MAZE_RETRY_NS (100 * MAZE_NSEC_PER_USEC)
/* After so many it is no passing trouble: record the verdict as not sent. */
#define MAZE_RETRIES_MAX 16
/* A timer this late is taken for lost; its soft interrupt may well be some ms late. */
#define MAZE_OVERDUE_NS (10 * MAZE_NSEC_PER_MSEC)
/* Who idles for less has work to do: a timer that goes off then disturbs no sleep. */
#define MAZE_LONG_IDLE_NS (10 * MAZE_NSEC_PER_MSEC)
/* One wakeup in that time is less than any periodic task of a machine makes. */
#define MAZE_EAGER_NS (10 * MAZE_NSEC_PER_SEC)
/* No timer is later than that by itself; what is more was somebody else's doing. */
#define MAZE_LAG_MAX_NS (50 * MAZE_NSEC_PER_USEC)
/* Beyond that a look is aimed too early on purpose: clocks may differ by 0.2 %. */
#define MAZE_CLOSE_NS (8 * MAZE_NSEC_PER_MSEC)
/* How soon, and how often, to look for a watched task that runs unseen. */
#define MAZE_UNSEEN_MIN_NS (4 * MAZE_NSEC_PER_MSEC)
#define MAZE_UNSEEN_MAX_NS (1 * MAZE_NSEC_PER_SEC)
/* Margin for the moment of a yield, which must never be taken too early. */
#define MAZE_YIELD_MARGIN_NS (20 * MAZE_NSEC_PER_USEC)

/* Is the task inside sched_yield(2)? Read from the frame it entered the kernel by. */
MAZE_INLINE bool in_sched_yield(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

#if defined(__TARGET_ARCH_x86)
	/* arch/x86/entry/syscalls: 24, as i386 158 (then TS_COMPAT is set), x32 has bit 30. */
	unsigned long nr = READ(regs, orig_ax);

	if ((nr & ~0x40000000UL) == 24)
		return true;
	return nr == 158 && bpf_core_field_exists(struct task_struct, thread_info.status) &&
	       (READ(task, thread_info.status) & 2);
#elif defined(__TARGET_ARCH_arm64)
	return READ(regs, syscallno) == 124; /* include/uapi/asm-generic/unistd.h */
#endif
}

MAZE_INLINE bool yields_reset(struct maze_task *watched)
{
	return !(watched->policy.flags & MAZE_POLICY_YIELD_COUNTS);
}

/*
 * Notes that the current task yields. The account belongs to the switch and the
 * timer; here only the moment is left for them, as one word. It must not be too
 * early: so the clock is read between two equal readings of the runtime, and a
 * margin is added that covers what the clock rounds down.
 */
__noinline int maze_note_yield(struct maze_task *watched, struct maze_cpu *cpu)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u64 before, moment;

	if (!watched || !cpu)
		return 0;
	before = booked_runtime(task);
	moment = running_runtime(task, cpu, false) + MAZE_YIELD_MARGIN_NS;
	if (!config.has_clock || !cpu->clock_offset_ns || config.steal_unknown || !has_rq() ||
	    is_booked_ahead(task->se.cfs_rq->rq) || before != booked_runtime(task))
		moment = booked_runtime(task) + config.pending_max_ns;
	if (moment > watched->yield_ns)
		watched->yield_ns = moment;
	return 0;
}

MAZE_INLINE void leave_near(struct maze_task *watched)
{
	if (watched->near && __sync_lock_test_and_set(&watched->near, 0)) {
		if (__sync_fetch_and_sub(&state.near_count, 1) == 1)
			maze_ring_doorbells(state.near_bells);
	}
}

MAZE_INLINE void enter_near(struct maze_task *watched)
{
	if (!watched->near && !__sync_lock_test_and_set(&watched->near, 1)) {
		if (__sync_fetch_and_add(&state.near_count, 1) == 0)
			maze_ring_doorbells(state.near_bells);
	}
}

/*
 * Where yields that do not switch cannot be seen for nothing, a task has to be
 * looked at once more, on its way to a limit: past the mark it wants the yield
 * probe, and as long as no probe is there its timer looks every now and then
 * whether it runs into a yield.
 */
MAZE_INLINE maze_u64 next_account_look(struct maze_task *watched, maze_u64 count_ns,
				       maze_u64 next_ns)
{
	maze_u64 limit_ns = count_ns + next_ns, mark_ns;

	if (config.yield_probe == MAZE_YIELD_PERMANENT || !next_ns || !yields_reset(watched))
		return next_ns;
	mark_ns = limit_ns >> config.near_shift;
	if (count_ns < mark_ns)
		return mark_ns - count_ns;
	enter_near(watched);
	if (bpf_ktime_get_boot_ns() > state.probe_until_ns && next_ns > limit_ns / 16)
		return limit_ns / 16;
	return next_ns;
}

MAZE_INLINE maze_u64 next_look(struct maze_task *watched, maze_u64 next_ns)
{
	next_ns = next_account_look(watched, watched->account.count_ns, next_ns);
	return or_next_stack(watched, next_ns);
}

/* Set in `due` when the episode is over, or the task: then a failed signal is final. */
#define MAZE_LAST_CHANCE (1U << 31)
/* Set in it at a switch-out, where the thread is not under an interrupt. */
#define MAZE_AT_SWITCH (1U << 30)

/*
 * Sends and records one stage, `stage` of `due`. Returns 1, and leaves no record, when the kernel was
 * too busy to take the signal and it can be tried again in this episode.
 */
static __noinline int act_on_stage(struct task_struct *task, struct maze_task *watched,
				   maze_u64 count_ns, maze_u32 stage, maze_u32 due)
{
	struct record_facts facts = { .count_ns = count_ns };
	long err;

	if (!task || !watched)
		return 0;
	facts.episode = watched->due_episode;
	if (stage == MAZE_FIRED_SOFT) {
		facts.event = MAZE_EVENT_SOFT;
		facts.limit_ns = watched->policy.soft_ns;
		facts.signal = watched->policy.soft_signal;
	} else {
		facts.event = MAZE_EVENT_HARD;
		facts.limit_ns = watched->policy.hard_ns;
		facts.signal = watched->policy.hard_signal;
	}
	if (watched->policy.flags & MAZE_POLICY_SHADOW) {
		facts.flags = MAZE_RECORD_SHADOW;
	} else if (facts.signal) {
		err = bpf_send_signal_thread(facts.signal);
		if (!err) {
			facts.flags = MAZE_RECORD_SENT;
			__sync_fetch_and_add(&state.signals, 1);
		} else if (!(due & MAZE_LAST_CHANCE) && watched->retries < MAZE_RETRIES_MAX) {
			watched->retries++;
			return 1;
		}
	}
	watched->retries = 0;
	if (state.stacks_max)
		begin_evidence(task, watched, count_ns,
			       due & MAZE_AT_SWITCH ? TAKEN_AT_SWITCH : TAKEN_IN_TIMER);
	__sync_fetch_and_add(&state.verdicts, 1);
	write_record(task, watched, &facts, MAZE_LOG_VERDICTS);
	return 0;
}

/*
 * The watch of a task that ends. From 7.0 on a tracepoint's handler may be preempted, and
 * until it goes on the kernel skips it for every other task on that CPU; so the exit
 * handler may miss a task, and its last switch-out, which nothing preempts, ends the
 * watch. The storage goes with the task.
 */
MAZE_INLINE void end_with_task(struct task_struct *task, struct maze_task *watched)
{
	leave_near(watched);
	record_life(task, watched, MAZE_EVENT_EXIT, 0);
	watched->role = MAZE_ROLE_NONE;
}

/* The task is not, or no longer, its owner's: what he asked for is not done to it. */
MAZE_INLINE bool changed_hands(struct task_struct *task, struct maze_task *watched)
{
	maze_u32 owner = watched->policy.owner;
	struct cred *cred;

	if (!(watched->policy.flags & MAZE_POLICY_OWNED))
		return false;
	if (!has_user() || !bpf_core_field_exists(struct cred, suid.val) ||
	    !bpf_core_field_exists(struct cred, euid.val))
		return true;
	cred = task->real_cred;
	return READ(cred, uid.val) != owner || READ(cred, euid.val) != owner ||
	       READ(cred, suid.val) != owner;
}

/*
 * Acts on what is due of the current task; the common case, nothing, is for the caller to
 * skip. Not static: see maze_ring_doorbells().
 */
__noinline maze_u64 maze_act_on(struct maze_task *watched, maze_u32 due, maze_u64 count_ns,
				maze_u64 next_ns)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u32 owed = 0;

	if (!watched)
		return next_ns;
	if (changed_hands(task, watched)) {
		leave_near(watched);
		record_life(task, watched, MAZE_EVENT_UNWATCH, 0);
		watched->role = MAZE_ROLE_NONE;
		watched->sampled = 0;
		return 0;
	}
	if ((due & MAZE_FIRED_SOFT) && act_on_stage(task, watched, count_ns, MAZE_FIRED_SOFT, due))
		owed |= MAZE_FIRED_SOFT;
	/* The hard stage comes after the soft one, so it waits for it too. */
	if ((due & MAZE_FIRED_HARD) &&
	    (owed || act_on_stage(task, watched, count_ns, MAZE_FIRED_HARD, due)))
		owed |= MAZE_FIRED_HARD;
	if (!owed)
		return next_ns;
	watched->account.fired &= ~owed;
	return MAZE_RETRY_NS;
}

/* Only for the CPU it runs on. */
MAZE_INLINE long start_timer(maze_u64 delay_ns)
{
	maze_u32 index = bpf_get_smp_processor_id();
	struct maze_timer *slot = bpf_map_lookup_elem(&timers, &index);
	long err;

	if (!slot)
		return -2; /* ENOENT: a CPU beyond those counted at load */
	if (!state.no_timer_pin) {
		err = bpf_timer_start(&slot->timer, delay_ns, 2 /* BPF_F_TIMER_CPU_PIN, 6.7 */);
		if (err != -22 /* EINVAL: no such flag */)
			return err;
		state.no_timer_pin = 1;
	}
	return bpf_timer_start(&slot->timer, delay_ns, 0);
}

/*
 * Makes sure that this CPU's timer goes off once the task has run for delay_ns.
 * `clock` is the rq clock. Nothing to do when it goes off earlier anyway: it
 * then looks and arms itself for the rest. Costs about 100 ns when it does arm.
 */
MAZE_INLINE void arm(struct maze_cpu *cpu, maze_u64 clock, maze_u64 delay_ns)
{
	if (!delay_ns)
		return;
	/* Long overdue is not trusted to be armed at all: then arm again. */
	if (cpu->armed_until_ns && cpu->armed_until_ns <= clock + delay_ns &&
	    cpu->armed_until_ns + MAZE_OVERDUE_NS > clock)
		return;
	/*
	 * The timer runs on CLOCK_MONOTONIC, which may be slewed against the
	 * scheduler's clock: go for a little less first, then for the rest.
	 */
	if (delay_ns > MAZE_CLOSE_NS)
		delay_ns -= delay_ns >> 9;
	delay_ns = delay_ns > cpu->lag_ns + MAZE_NSEC_PER_USEC ? delay_ns - cpu->lag_ns
							       : MAZE_NSEC_PER_USEC;
	if (start_timer(delay_ns))
		return;
	cpu->armed_until_ns = clock + delay_ns;
	cpu->unseen_ns = 0;
}

/*
 * The timer has gone off while somebody runs who is not watched. Who it was armed for
 * has been switched out, and the next switch-in arms it again, if we are told of it. We
 * are not where the kernel shows no events of some task, as kernels of sandboxes hide
 * their PID 1, and that task was the one before. So look again some nine times in two
 * seconds, ever more rarely, or until the CPU idles.
 */
MAZE_INLINE void look_for_unseen(struct maze_cpu *cpu, maze_u64 clock)
{
	maze_u64 delay_ns = cpu->unseen_ns ? 2 * cpu->unseen_ns : MAZE_UNSEEN_MIN_NS;

	if (delay_ns > MAZE_UNSEEN_MAX_NS) {
		cpu->unseen_ns = 0;
		return;
	}
	arm(cpu, clock, delay_ns);
	cpu->unseen_ns = delay_ns;
}

/* Nothing runs here: put the timer off for ever, which unlike cancelling never waits. */
MAZE_INLINE void disarm(struct maze_cpu *cpu)
{
	if (!start_timer(1ULL << 62))
		cpu->armed_until_ns = 0;
}

/*
 * To put the timer off at each idle and arm it again after costs a task that sleeps and
 * wakes thousands of times a second 300 ns each time. So it is left to go off, unless it
 * lately did so in a long idle, where it wakes the CPU for nothing: then for a while
 * it is put off. An idle CPU is woken once in MAZE_EAGER_NS at most.
 */
MAZE_INLINE void go_idle(struct maze_cpu *cpu, maze_u64 clock)
{
	if (!cpu->armed_until_ns)
		return;
	if (clock < cpu->eager_until_ns)
		disarm(cpu);
	else
		cpu->idle_ns = clock;
}

/* The timer, due at `clock`, has gone off while nothing ran. */
MAZE_INLINE void woken_from_idle(struct maze_cpu *cpu, maze_u64 clock)
{
	cpu->unseen_ns = 0;
	if (clock > cpu->idle_ns + MAZE_LONG_IDLE_NS)
		cpu->eager_until_ns = clock + MAZE_EAGER_NS;
}

/*
 * Learns from a look how late the timer is: from its going off to here is 2 us on bare
 * metal and 20 in a machine that is emulated in another. `late_ns` is how far the count
 * was past what the look was for. A look that comes too soon costs another, so the aim
 * moves slowly to where one in ten or so is.
 */
MAZE_INLINE void learn_lag(struct maze_cpu *cpu, long long late_ns)
{
	if (late_ns < -(long long)MAZE_LAG_MAX_NS)
		return;
	if (late_ns < 0) {
		cpu->lag_ns -= cpu->lag_ns >> 2;
		return;
	}
	if (late_ns > (long long)MAZE_LAG_MAX_NS)
		late_ns = (long long)MAZE_LAG_MAX_NS;
	cpu->lag_ns += (maze_u64)late_ns >> 4;
	if (cpu->lag_ns > MAZE_LAG_MAX_NS)
		cpu->lag_ns = MAZE_LAG_MAX_NS;
}

/*
 * Judges the task that this CPU is running, in the timer's interrupt on top of
 * it, and returns after how much CPU time to look again (0: no need).
 */
MAZE_INLINE maze_u64 judge_running(struct task_struct *task, struct maze_task *watched,
				   struct maze_cpu *cpu)
{
	struct maze_sample sample = {
		.runtime_ns = running_runtime(task, cpu, true),
		.yield_ns = watched->yield_ns,
		.act = MAZE_RUNS,
	};
	maze_u64 aim_ns = watched->account.count_ns + watched->next_ns;
	bool close = watched->next_ns && watched->next_ns <= MAZE_CLOSE_NS;
	struct maze_verdict verdict;

	if (yields_reset(watched) && in_sched_yield(task)) {
		maze_note_yield(watched, cpu);
		sample.yield_ns = watched->yield_ns;
	}
	verdict = maze_step(&watched->policy, &watched->account, &sample);
	if (verdict.reset)
		leave_near(watched);
	else if (close)
		learn_lag(cpu, (long long)(verdict.count_ns - aim_ns));
	if (verdict.due) {
		watched->due_episode = verdict.episode;
		verdict.next_ns =
			maze_act_on(watched, verdict.due, verdict.count_ns, verdict.next_ns);
	}
	if (watched->account.fired)
		go_on_sampling(task, watched);
	watched->next_ns = next_look(watched, verdict.next_ns);
	return watched->next_ns;
}

#endif
