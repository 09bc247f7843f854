/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handles verdicts: steps an account (core/step.h has the rule), sends the signal, writes
 * the record, and arms the timer for the next check.
 *
 * A signal goes to the current task. So maze_act_on() is called only while the judged
 * task is current: at its switch-out, in the timer, and at its exit, but never at its
 * switch-in.
 */
#ifndef MAZE_BPF_VERDICT_BPF_H
#define MAZE_BPF_VERDICT_BPF_H

#include "evidence.bpf.h"
#include "disposition.bpf.h"
#include "streaks.bpf.h"

/* Delay before a retry of a signal that the kernel refused as busy. */
#define MAZE_RETRY_NS (100 * MAZE_NSEC_PER_USEC)
/* After this number of retries the verdict is recorded as not sent. */
#define MAZE_RETRIES_MAX 16
/* A timer that is overdue by this is armed again. Its soft interrupt may take some ms. */
#define MAZE_OVERDUE_NS (10 * MAZE_NSEC_PER_MSEC)
/* A CPU that idles for less is in no deep idle state, so its timer may expire. */
#define MAZE_LONG_IDLE_NS (10 * MAZE_NSEC_PER_MSEC)
/* How long going idle cancels the timer, see go_idle(). One wakeup per 10 s is cheap. */
#define MAZE_CANCEL_WHEN_IDLE_NS (10 * MAZE_NSEC_PER_SEC)
/* Lateness above this has other causes than the timer, see learn_lag(). */
#define MAZE_LAG_MAX_NS (50 * MAZE_NSEC_PER_USEC)
/* A delay above this is shortened by 0.2 %, see arm(). The clocks may differ by that. */
#define MAZE_CLOSE_NS (8 * MAZE_NSEC_PER_MSEC)
/* The first and the longest delay of recheck_missed_switch(). */
#define MAZE_RECHECK_MIN_NS (4 * MAZE_NSEC_PER_MSEC)
#define MAZE_RECHECK_MAX_NS (1 * MAZE_NSEC_PER_SEC)

/* Steps the account. Not static: see maze_notify(). */
__noinline int maze_step_task(struct maze_task *watched, maze_u64 runtime_ns, maze_u32 act,
			      maze_u64 asleep_ns, struct maze_verdict *ret_verdict)
{
	struct maze_sample sample = {
		.runtime_ns = runtime_ns,
		.asleep_ns = asleep_ns,
		.act = act,
	};

	if (!watched || !ret_verdict)
		return 0;
	sample.yield_ns = watched->yield_ns;
	*ret_verdict = maze_step(&watched->policy, &watched->account, &sample);
	return 0;
}

MAZE_INLINE maze_u64 next_check(struct maze_task *watched, maze_u64 next_ns)
{
	next_ns = next_account_check(watched, watched->account.count_ns, next_ns);
	return or_next_stack(watched, next_ns);
}

/* The place where a verdict is acted on. */
enum maze_act_at {
	MAZE_IN_TIMER,
	MAZE_AT_SWITCH,	  /* not in an interrupt */
	MAZE_LAST_CHANCE, /* another verdict follows, so there is no retry */
};

static __noinline int record_verdict(struct task_struct *task, struct maze_task *watched,
				     maze_u32 stage, maze_u32 flags, maze_u32 not_sent)
{
	struct record_facts facts = { .task = task, .flags = flags, .not_sent = not_sent };

	if (!task || !watched)
		return 0;
	facts.tag = watched->tag;
	facts.tally = watched->due;
	if (stage == MAZE_FIRED_SOFT) {
		facts.event = MAZE_EVENT_SOFT;
		facts.limit_ns = watched->policy.soft_ns;
		facts.signal = watched->policy.soft_signal;
	} else {
		facts.event = MAZE_EVENT_HARD;
		facts.limit_ns = watched->policy.hard_ns;
		facts.signal = watched->policy.hard_signal;
	}
	__sync_fetch_and_add(&state.verdicts, 1);
	maze_write_record(&facts, MAZE_LOG_VERDICTS);
	return maze_notify(state.notify_records);
}

/*
 * Whether the current task's verdict is enforced (core/allowance.h). When a signal is tried
 * again, the process still has its entry. Not static: see maze_notify().
 */
__noinline int maze_permitted(struct maze_task *watched, maze_u32 hard)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct maze_allowance *allowance;
	maze_u64 tag, key, started_ns = 0;

	if (!watched)
		return 0;
	tag = watched->tag;
	allowance = bpf_map_lookup_elem(&allowances, &tag);
	key = maze_allowance_key(allowance, bpf_get_current_pid_tgid() >> 32, cgroup_of(task));
	if (bpf_core_field_exists(struct task_struct, start_boottime))
		started_ns = READ(untrusted(task)->group_leader, start_boottime);
	return maze_allowance_permits(allowance, &watched->policy, hard, key, started_ns,
				      bpf_ktime_get_boot_ns());
}

/*
 * Sends and records one stage. Returns 1, without a record, if the kernel was busy and
 * the signal must be tried again. A CPU accepts only one signal from all BPF programs per
 * interrupt or switch. Not static: see maze_notify().
 */
__noinline int maze_act_on_stage(struct maze_task *watched, maze_u32 stage, maze_u32 at)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct maze_delivery delivery;
	maze_u32 signal;
	long err = 0;

	if (!watched)
		return 0;
	signal = stage == MAZE_FIRED_SOFT ? watched->policy.soft_signal
					  : watched->policy.hard_signal;
	delivery = maze_delivery(&watched->policy, stage == MAZE_FIRED_HARD,
				 (maze_u32)maze_disposition(signal),
				 maze_permitted(watched, stage == MAZE_FIRED_HARD));
	if (!delivery.withheld)
		err = watched->policy.flags & MAZE_POLICY_TO_PROCESS
			      ? bpf_send_signal(signal)
			      : bpf_send_signal_thread(signal);
	if (!err && (delivery.flags & MAZE_RECORD_SENT))
		__sync_fetch_and_add(&state.signals, 1);
	if (state.stacks_max)
		begin_evidence(task, watched, watched->due.count_ns,
			       at == MAZE_AT_SWITCH ? TAKEN_AT_SWITCH : TAKEN_IN_TIMER);
	if (err && (READ(task, flags) & PF_EXITING)) {
		maze_delivery_failed(&delivery, MAZE_NOT_SENT_EXITING);
	} else if (err) {
		if (at != MAZE_LAST_CHANCE && watched->retries < MAZE_RETRIES_MAX) {
			watched->retries++;
			return 1;
		}
		maze_delivery_failed(&delivery, err == -16 /* EBUSY */ ? MAZE_NOT_SENT_BUSY
								       : MAZE_NOT_SENT_OTHER);
	}
	watched->retries = 0;
	record_verdict(task, watched, stage, delivery.flags, delivery.not_sent);
	return 0;
}

/* When a watch ends, records the stages that are still due as not sent. */
MAZE_INLINE void record_unsent(struct task_struct *task, struct maze_task *watched)
{
	maze_u32 unsent = 0;

	if (watched->unsent)
		unsent = __sync_lock_test_and_set(&watched->unsent, 0);
	if (unsent & MAZE_FIRED_SOFT)
		record_verdict(task, watched, MAZE_FIRED_SOFT, 0, MAZE_NOT_SENT_WATCH_ENDED);
	if (unsent & MAZE_FIRED_HARD)
		record_verdict(task, watched, MAZE_FIRED_HARD, 0, MAZE_NOT_SENT_WATCH_ENDED);
}

/*
 * Ends a watch, perhaps while another CPU steps its account. After this call the watch
 * never needs the yield probe again, and each stage that was due has a record.
 */
static __noinline int close_watch(struct task_struct *task, struct maze_task *watched)
{
	if (!task || !watched)
		return 0;
	if (__sync_lock_test_and_set(&watched->needs_yield_probe, MAZE_PROBE_WATCH_ENDED) ==
	    MAZE_PROBE_NEEDED)
		drop_yield_probe_user();
	record_unsent(task, watched);
	return 0;
}

/*
 * Ends the watch of a task that exits. From 7.0 on the kernel may preempt a tracepoint
 * handler. Until the preempted handler continues, the kernel skips it for all other tasks
 * on that CPU, so the exit handler can miss a task. In that case the task's last
 * switch-out, which is never preempted, ends the watch. The kernel frees the storage with
 * the task.
 */
static __noinline int end_with_task(struct task_struct *task, struct maze_task *watched)
{
	if (!task || !watched)
		return 0;
	close_watch(task, watched);
	record_lifecycle(task, watched, MAZE_EVENT_EXIT, 0);
	watched->role = MAZE_ROLE_NONE;
	return 0;
}

/* Whether the task no longer runs as the policy's owner. Then the policy must not act. */
MAZE_INLINE bool owner_differs(struct task_struct *task, struct maze_task *watched)
{
	maze_u32 owner = watched->policy.owner;
	struct cred *cred;

	if (!(watched->policy.flags & MAZE_POLICY_OWNED))
		return false;
	if (!has_user() || !bpf_core_field_exists(struct cred, suid.val) ||
	    !bpf_core_field_exists(struct cred, euid.val))
		return true;
	cred = untrusted(task)->real_cred;
	return READ(cred, uid.val) != owner || READ(cred, euid.val) != owner ||
	       READ(cred, suid.val) != owner;
}

/* Whether the task runs the program that is exempt, see maze_spare_program(). */
MAZE_INLINE bool is_spared(struct task_struct *task)
{
	return state.spared_program && program_of(task) == state.spared_program;
}

/*
 * Acts on watched->unsent of the current task. Returns 1 if a stage is left for the next
 * check. See maze_notify() for why this function is global.
 */
__noinline int maze_act_on(struct maze_task *watched, maze_u32 at)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u32 due, owed = 0;

	if (!watched)
		return 0;
	/* This is atomic, because another CPU may end the watch at the same time. */
	due = __sync_lock_test_and_set(&watched->unsent, 0);
	if (!due)
		return 0;
	if (is_spared(task))
		return 0;
	if (owner_differs(task, watched)) {
		close_watch(task, watched);
		record_lifecycle(task, watched, MAZE_EVENT_UNWATCH, 0);
		watched->role = MAZE_ROLE_NONE;
		watched->sampled = 0;
		return 0;
	}
	if ((due & MAZE_FIRED_SOFT) && maze_act_on_stage(watched, MAZE_FIRED_SOFT, at))
		owed |= MAZE_FIRED_SOFT;
	/* The hard stage waits until the soft stage is sent. */
	if ((due & MAZE_FIRED_HARD) && (owed || maze_act_on_stage(watched, MAZE_FIRED_HARD, at)))
		owed |= MAZE_FIRED_HARD;
	if (!owed)
		return 0;
	__sync_lock_test_and_set(&watched->unsent, owed);
	if (*(volatile maze_u32 *)&watched->needs_yield_probe == MAZE_PROBE_WATCH_ENDED)
		record_unsent(task, watched);
	return 1;
}

/*
 * Sends and records the stages that are due now or are left from before. Returns the CPU
 * time until the next check. Callers skip this in the common case, in which nothing is
 * due. What is due while the task runs the exempt program stays due: an execve in this
 * episode ends the exemption, but not the episode.
 */
MAZE_INLINE maze_u64 act_on_verdict(struct maze_task *watched, struct maze_verdict *verdict,
				    enum maze_act_at at)
{
	maze_u32 due = verdict->due;

	if (due && is_spared(bpf_get_current_task_btf()))
		due = 0;
	else if (due)
		due = certain_stages(watched, verdict->tally.count_ns, due);
	if (due != verdict->due && verdict->tally.episode == watched->account.episode) {
		watched->account.fired &= ~(verdict->due & ~due);
		verdict->next_ns = MAZE_WAIT_NS;
	}
	if (due) {
		if (watched->unsent)
			maze_act_on(watched, MAZE_LAST_CHANCE);
		watched->due = verdict->tally;
		watched->retries = 0;
		watched->unsent = due;
		maze_note_run(watched, true);
	}
	if (watched->unsent && maze_act_on(watched, at))
		return at == MAZE_AT_SWITCH ? 1 : MAZE_RETRY_NS;
	return verdict->next_ns;
}

/* Starts the timer of this CPU. */
MAZE_INLINE long start_timer(maze_u64 delay_ns)
{
	maze_u32 index = bpf_get_smp_processor_id();
	struct maze_timer *slot = bpf_map_lookup_elem(&timers, &index);
	long err;

	if (!slot)
		return -2; /* ENOENT: the loader did not count this CPU */
	if (!state.no_timer_pin) {
		err = bpf_timer_start(&slot->timer, delay_ns, 2 /* BPF_F_TIMER_CPU_PIN, 6.7 */);
		if (err != -22 /* EINVAL: the flag is unknown */)
			return err;
		state.no_timer_pin = 1;
	}
	return bpf_timer_start(&slot->timer, delay_ns, 0);
}

/*
 * Makes this CPU's timer expire once the task has run for delay_ns, or earlier. A timer
 * that is already armed for an earlier time is left unchanged. When it expires, it is
 * armed for the rest. `clock` is the rq clock. Arming costs about 100 ns.
 */
MAZE_INLINE void arm(struct maze_cpu *cpu, maze_u64 clock, maze_u64 delay_ns)
{
	if (!delay_ns)
		return;
	/* A timer that is long overdue is perhaps not armed at all, so arm it again. */
	if (cpu->armed_until_ns && cpu->armed_until_ns <= clock + delay_ns &&
	    cpu->armed_until_ns + MAZE_OVERDUE_NS > clock)
		return;
	/*
	 * The timer runs on CLOCK_MONOTONIC, and the rate of that clock may differ from
	 * the scheduler's. So let it expire a little early, and arm it then for the rest.
	 */
	if (delay_ns > MAZE_CLOSE_NS)
		delay_ns -= delay_ns >> 9;
	delay_ns = delay_ns > cpu->lag_ns + MAZE_NSEC_PER_USEC ? delay_ns - cpu->lag_ns
							       : MAZE_NSEC_PER_USEC;
	if (start_timer(delay_ns))
		return;
	cpu->armed_until_ns = clock + delay_ns;
	cpu->recheck_delay_ns = 0;
}

/*
 * The timer has expired while a task runs that is not watched. Normally this needs no
 * action, because the watched task was switched out, and its next switch-in arms the
 * timer again. But some kernels report no events of some task (sandboxes hide their PID
 * 1). The switch from that task to a watched task is then missed. So check again after 4,
 * 8, ... 512 ms, or until the CPU idles.
 */
MAZE_INLINE void recheck_missed_switch(struct maze_cpu *cpu, maze_u64 clock)
{
	maze_u64 delay_ns = cpu->recheck_delay_ns ? 2 * cpu->recheck_delay_ns : MAZE_RECHECK_MIN_NS;

	if (delay_ns > MAZE_RECHECK_MAX_NS) {
		cpu->recheck_delay_ns = 0;
		return;
	}
	arm(cpu, clock, delay_ns);
	cpu->recheck_delay_ns = delay_ns;
}

/* Moves the expiry to a time that is never reached, because a cancellation might wait. */
MAZE_INLINE void disarm(struct maze_cpu *cpu)
{
	if (!start_timer(1ULL << 62))
		cpu->armed_until_ns = 0;
}

/*
 * Decides whether going idle cancels the timer. To cancel it and arm it again costs 300
 * ns, which is too much for a task that sleeps thousands of times per second. So an armed
 * timer normally stays and expires. If it wakes the CPU from a long idle period, going
 * idle cancels the timer for the next MAZE_CANCEL_WHEN_IDLE_NS. So the timer wakes an
 * idle CPU at most once in that time.
 */
MAZE_INLINE void go_idle(struct maze_cpu *cpu, maze_u64 clock)
{
	if (!cpu->armed_until_ns)
		return;
	if (clock < cpu->cancel_when_idle_until_ns)
		disarm(cpu);
	else
		cpu->idle_ns = clock;
}

/* The timer, which was due at `clock`, has expired on an idle CPU. */
MAZE_INLINE void woken_from_idle(struct maze_cpu *cpu, maze_u64 clock)
{
	cpu->recheck_delay_ns = 0;
	if (clock > cpu->idle_ns + MAZE_LONG_IDLE_NS)
		cpu->cancel_when_idle_until_ns = clock + MAZE_CANCEL_WHEN_IDLE_NS;
}

/*
 * Adapts lag_ns to the lateness of the timer, which is 2 us on bare metal and 20 us in a
 * nested virtual machine. `late_ns` is the count minus the value for which the timer was
 * armed. A check that comes too early costs another check. So lag_ns grows slowly and
 * falls quickly, and about one check in ten is too early.
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
 * Steps the account of the current task, in the timer's interrupt or at the task's exit.
 * watched->next_ns is then the CPU time until the next check; 0: none. Not static: see
 * maze_notify().
 */
__noinline int maze_judge_running(struct maze_task *watched, struct maze_cpu *cpu,
				  maze_u32 in_interrupt)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct maze_verdict verdict = {};
	maze_u64 runtime_ns, aim_ns;
	bool close;

	if (!watched || !cpu)
		return 0;
	runtime_ns = maze_running_runtime(cpu, in_interrupt);
	aim_ns = watched->account.count_ns + watched->next_ns;
	close = watched->next_ns && watched->next_ns <= MAZE_CLOSE_NS;
	if (yields_reset(watched) && in_sched_yield(task))
		note_own_yield(task, watched, cpu, false);
	doubt_unprobed_time(watched, cpu, runtime_ns);
	maze_step_task(watched, runtime_ns, MAZE_RUNS, 0, &verdict);
	if (verdict.reset)
		end_episode(task, watched, &verdict);
	else if (close)
		learn_lag(cpu, (long long)(verdict.tally.count_ns - aim_ns));
	if (verdict.due || watched->unsent)
		verdict.next_ns = act_on_verdict(watched, &verdict, MAZE_IN_TIMER);
	if (watched->account.fired)
		go_on_sampling(task, watched);
	watched->next_ns = next_check(watched, verdict.next_ns);
	return 0;
}

#endif
