/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel side of the bpf engine. Handlers of scheduler events step accounts and act
 * on their verdicts:
 *
 *   switch-out  the task's runtime is exact: step its account, act if a stage is due
 *   switch-in   arm this CPU's timer for the CPU time until the next check
 *   timer       interrupts the running task: step, act if due, arm for the next check
 *   fork, exit  a child starts watched; a watch ends with its task
 *   yield       a probe notes when a task yields without a switch
 *
 * An account is stepped only on the CPU that runs its task, either with interrupts off
 * (switch) or in the timer's soft interrupt. These exclude each other, so no lock is
 * needed. The account of a child begins before the child runs. The exit handler first
 * clears the task's role, so that both skip the task. A task that was never watched costs
 * two loads and two branches per switch. No handler waits for user space, allocates in the
 * switch path, or keeps a reference to a task.
 */
#include "control.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static int handle_timer(void *map, maze_u32 *key, struct maze_timer *slot)
{
	maze_u32 index = *key;
	struct maze_cpu *cpu = bpf_map_lookup_elem(&cpus, &index);
	struct maze_task *watched;
	struct task_struct *task;
	maze_u64 due_ns;

	if (!cpu)
		return 0;
	due_ns = cpu->armed_until_ns;
	cpu->armed_until_ns = 0;
	cpu->expiries++;
	/* This timer is not pinned and has migrated. The switch-out steps the account. */
	if (index != bpf_get_smp_processor_id())
		return 0;
	/*
	 * This is not always the task that the timer was armed for. If the timer runs in
	 * ksoftirqd, that task has been switched out, and its account was stepped then.
	 */
	task = bpf_get_current_task_btf();
	if (!READ(task, pid)) {
		woken_from_idle(cpu, due_ns);
		return 0;
	}
	watched = watched_task(task);
	if (!watched) {
		recheck_missed_switch(cpu, switch_clock(task));
		return 0;
	}
	maze_judge_running(watched, cpu, true);
	arm(cpu, switch_clock(task), watched->next_ns);
	return 0;
}

/*
 * Finds the owner's properties and the place of the entry frame. Initialises the timer of
 * one CPU for each task that the iterator visits. The loader repeats the iteration until
 * all timers are ready. A switch handler could not initialise a timer, because
 * bpf_timer_init() allocates.
 */
SEC("iter/task")
int handle__setup(struct bpf_iter__task *ctx)
{
	maze_u32 index = state.timers_initialised;
	struct task_struct *owner = bpf_get_current_task_btf();
	struct maze_timer *slot;
	long err;

	if (has_namespaces())
		state.pid_level = PROBE(BPF_CORE_READ(owner, thread_pid), level);
	state.own_program = program_of(owner);
	find_entry_frame(owner);
	if (!ctx->task || index >= config.cpus)
		return 0;
	slot = bpf_map_lookup_elem(&timers, &index);
	if (!slot)
		return 0;
	err = bpf_timer_init(&slot->timer, &timers, 1 /* CLOCK_MONOTONIC */);
	if (err)
		state.timer_error = err;
	else
		state.timers_initialised = index + 1;
	return 0;
}

MAZE_INLINE bool has_wait_times(void)
{
	return bpf_core_field_exists(struct task_struct, sched_info.last_queued) &&
	       bpf_core_field_exists(struct task_struct, sched_info.run_delay);
}

/*
 * Whether this sleep is a wait for a lock, and the policy treats such waits differently
 * from other sleeps. Always false on a kernel that cannot measure sleeps, so there each
 * sleep is a reset.
 */
MAZE_INLINE bool waits_for_lock(struct maze_task *watched, struct task_struct *task,
				unsigned int task_state)
{
	return maze_recovery_is_for_locks(watched->policy.recovery) &&
	       !(task_state & TASK_STOPPED_OR_TRACED) && has_wait_times() && in_futex(task);
}

MAZE_INLINE void begin_sleep(struct task_struct *prev, struct maze_task *watched)
{
	watched->asleep_ns = switch_clock(prev);
	if (has_wait_times())
		watched->waited_ns = READ(prev, sched_info.run_delay);
}

/* Returns the time since the switch-out, less the time that the task waited for a CPU. */
MAZE_INLINE maze_u64 slept_ns(struct task_struct *next, struct maze_task *watched, maze_u64 until)
{
	maze_u64 awake = watched->asleep_ns;

	if (has_wait_times()) {
		/*
		 * The sleep ends where the last wait for a CPU begins. run_delay contains
		 * the waits before that one.
		 */
		if (READ(next, sched_info.last_queued) > watched->asleep_ns)
			until = READ(next, sched_info.last_queued);
		awake += READ(next, sched_info.run_delay) - watched->waited_ns;
	}
	return until > awake ? until - awake : 0;
}

MAZE_INLINE void switch_out(struct task_struct *prev, struct task_struct *next,
			    struct maze_task *watched, bool preempt, unsigned int prev_state)
{
	struct maze_sample sample = { .runtime_ns = booked_runtime(prev) };
	struct maze_verdict verdict;
	maze_u32 act = MAZE_RUNS;

	/*
	 * prev_state may be set although the task stays runnable. If the task was
	 * preempted, `preempt` is set. If a pending signal kept it runnable, __state is
	 * 0. Under PREEMPT_RT a wait for a spin lock sleeps, but that is not a sleep of
	 * the program.
	 */
	if (!preempt && (prev_state & ~TASK_RTLOCK_WAIT) && may_sleep(prev)) {
		act = waits_for_lock(watched, prev, prev_state) ? MAZE_LOCKS : MAZE_SLEEPS;
		if (!maze_sleep_resets(&watched->policy, act))
			begin_sleep(prev, watched);
	} else if (!preempt && yields_reset(watched) && in_sched_yield(prev)) {
		act = MAZE_YIELDS;
	}
	watched->run_end = act | preempt << RUN_PREEMPTED_BIT;
	doubt_unprobed_time(watched, 0, sample.runtime_ns);
	sample.yield_ns = watched->yield_ns;
	/* From memory, so that the verifier walks through the step once, not once for each act. */
	sample.act = *(volatile maze_u32 *)&watched->run_end & ~(1U << RUN_PREEMPTED_BIT);
	verdict = maze_step(&watched->policy, &watched->account, &sample);
	if (verdict.reset)
		end_episode(prev, watched, &verdict);
	if (verdict.due || watched->unsent)
		verdict.next_ns = act_on_verdict(watched, &verdict, MAZE_AT_SWITCH);
	if (prev_state & TASK_DEAD) {
		end_with_task(prev, watched);
		return;
	}
	if (is_near(watched, verdict.next_ns)) {
		watched->next = (maze_u64)next;
		maze_note_run(watched, false);
	}
	watched->next_ns = next_check(watched, verdict.next_ns);
	watched->nvcsw = voluntary_switches(prev);
}

/*
 * Steps the account at a switch-in. This is needed for the first sample, for a wakeup
 * under finite recovery, and after a switch-out that was missed.
 */
MAZE_INLINE void resume(struct task_struct *next, struct maze_task *watched, maze_u64 clock)
{
	struct maze_sample sample = { .runtime_ns = booked_runtime(next), .act = MAZE_RUNS };
	struct maze_verdict verdict;

	if (watched->asleep_ns) {
		sample.act = MAZE_WAKES;
		sample.asleep_ns = slept_ns(next, watched, clock);
		watched->asleep_ns = 0;
	} else if (watched->account.begun && voluntary_switches(next) != watched->nvcsw) {
		/*
		 * A switch-out was missed, so reset. Otherwise the count might be too
		 * large.
		 */
		watched->account.runtime_ns = sample.runtime_ns;
		maze_reset(&watched->account);
	}
	watched->nvcsw = voluntary_switches(next);
	doubt_unprobed_time(watched, 0, sample.runtime_ns);
	sample.yield_ns = watched->yield_ns;
	verdict = maze_step(&watched->policy, &watched->account, &sample);
	/*
	 * A signal goes to the current task, which is not `next` yet. So the timer acts
	 * on the stages that are due.
	 */
	watched->account.fired &= ~verdict.due;
	if (verdict.reset)
		end_episode(next, watched, &verdict);
	watched->next_ns = next_check(watched, verdict.due ? 1 : verdict.next_ns);
}

MAZE_INLINE void switch_in(struct task_struct *next, struct maze_task *watched)
{
	maze_u64 clock = switch_clock(next);
	struct maze_cpu *cpu;

	if (!watched->account.begun || watched->asleep_ns ||
	    voluntary_switches(next) != watched->nvcsw)
		resume(next, watched, clock);
	if (!watched->next_ns)
		return;
	cpu = this_cpu();
	if (!cpu)
		return;
	if (!cpu->armed_until_ns)
		calibrate(cpu, clock);
	arm(cpu, clock, watched->next_ns);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(handle__sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	/* A task without storage of any BPF program is not watched: skip the lookup. */
	void *out = prev->bpf_storage, *in = next->bpf_storage;
	struct maze_task *watched;
	struct maze_cpu *cpu;

	if (out) {
		watched = watched_task(prev);
		if (watched)
			switch_out(prev, next, watched, preempt, prev_state);
	}
	if (in) {
		watched = watched_task(next);
		if (watched)
			switch_in(next, watched);
	} else if (!READ(next, pid)) {
		cpu = this_cpu();
		if (cpu)
			go_idle(cpu, switch_clock(prev));
	}
	return 0;
}

/*
 * Watches a child like its parent. If `last` is set, no other handler tries again, so
 * this function records a failure.
 */
static __noinline int inherit(struct task_struct *parent, struct task_struct *child, bool last)
{
	struct record_facts facts = { .event = MAZE_EVENT_LOST, .lost = 1 };
	struct maze_task fresh = { .role = MAZE_ROLE_WATCHED }, *watched;

	if (!parent || !child)
		return 0;
	watched = watched_task(parent);
	if (!watched || !(watched->policy.flags & MAZE_POLICY_INHERIT))
		return 0;
	fresh.policy = watched->policy;
	fresh.tag = watched->tag;
	if (bpf_task_storage_get(&tasks, child, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE)) {
		record_lifecycle(child, &fresh, MAZE_EVENT_WATCH, MAZE_RECORD_INHERITED);
		return 0;
	}
	if (!last)
		return 0;
	__sync_fetch_and_add(&state.inherit_failures, 1);
	facts.task = child;
	facts.tag = fresh.tag;
	maze_write_record(&facts, MAZE_LOG_VERDICTS);
	maze_notify(state.notify_records);
	return 0;
}

/*
 * Begins the account of a child that has not run yet. Its first switch-in would do the same,
 * but some kernels do not report each one, see recheck_missed_switch().
 */
static __noinline int begin_account(struct task_struct *child)
{
	struct maze_task *watched = child ? watched_task(child) : 0;
	struct maze_verdict verdict = {};

	if (!watched)
		return 0;
	watched->yield_probe = state.yield_probe;
	maze_step_task(watched, booked_runtime(child), MAZE_RUNS, 0, &verdict);
	watched->next_ns = next_check(watched, verdict.next_ns);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(handle__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	if (!untrusted(parent)->bpf_storage)
		return 0;
	inherit(parent, child, !config.has_late_inherit);
	return begin_account(child);
}

/*
 * Watches a child that the fork handler missed, see end_with_task(). This handler is
 * never preempted. But it runs with the runqueue locked, so the allocation of task
 * storage must not take a lock (kmalloc_nolock(), 7.0).
 */
SEC("?tp_btf/sched_wakeup_new")
int BPF_PROG(handle__sched_wakeup_new, struct task_struct *child)
{
	struct task_struct *parent = bpf_get_current_task_btf();

	if (!untrusted(parent)->bpf_storage || bpf_task_storage_get(&tasks, child, 0, 0))
		return 0;
	inherit(parent, child, true);
	return begin_account(child);
}

static long set_callback(maze_u32 index, void *unused)
{
	struct maze_timer *slot = bpf_map_lookup_elem(&timers, &index);

	(void)unused;
	if (!slot || bpf_timer_set_callback(&slot->timer, handle_timer))
		return 1;
	state.timers_ready = index + 1;
	return 0;
}

/*
 * The first exit completes the timers. A callback belongs to the program that sets it, and
 * the verifier checks each program with all that it calls. This program calls nearly all
 * that the timer calls. So there is less to check than if the setup iterator set it.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(handle__sched_process_exit, struct task_struct *task)
{
	struct maze_task *watched;
	struct maze_cpu *cpu;

	if (state.timers_ready < config.cpus)
		bpf_loop(config.cpus, set_callback, 0, 0);
	if (!untrusted(task)->bpf_storage)
		return 0;
	watched = watched_task(task);
	if (!watched)
		return 0;
	/* Now the timer skips the task, and so does a switch, which 7.0 permits here. */
	*(volatile maze_u32 *)&watched->role = MAZE_ROLE_NONE;
	asm volatile("" ::: "memory");
	cpu = this_cpu();
	if (cpu && watched->account.begun)
		maze_judge_running(watched, cpu, false);
	add_last_streak(task, watched);
	end_with_task(task, watched);
	bpf_task_storage_delete(&tasks, task);
	return 0;
}

MAZE_INLINE int note_current_yield(bool booked)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct maze_task *watched = watched_task(task);
	struct maze_cpu *cpu = this_cpu();

	if (watched && cpu && yields_reset(watched))
		note_own_yield(task, watched, cpu, booked);
	return 0;
}

/*
 * These probes cost other system calls nothing, but not every kernel permits fentry. Each
 * is on the function of one scheduling class, because that runs with interrupts off. On
 * do_sched_yield() the kernel can preempt the probe, and until that task runs again, it
 * skips the probe for all other tasks of the CPU. The functions also serve yields of the
 * kernel, so check the system call.
 */
MAZE_INLINE int note_class_yield(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!untrusted(task)->bpf_storage || !in_sched_yield(task))
		return 0;
	return note_current_yield(false);
}

SEC("?fentry/yield_task_fair")
int BPF_PROG(handle__yield_fair)
{
	return note_class_yield();
}

SEC("?fentry/yield_task_rt")
int BPF_PROG(handle__yield_rt)
{
	return note_class_yield();
}

SEC("?fentry/yield_task_dl")
int BPF_PROG(handle__yield_dl)
{
	return note_class_yield();
}

SEC("?fentry/yield_task_scx")
int BPF_PROG(handle__yield_scx)
{
	return note_class_yield();
}

/*
 * This tracepoint exists from about 6.15 on. It runs at the end of each __schedule(), so
 * also when a yield found nothing else to run. It costs other system calls nothing.
 */
SEC("?tp_btf/sched_exit_tp")
int BPF_PROG(handle__sched_exit, bool is_switch)
{
	struct task_struct *task = bpf_get_current_task_btf();

	/* A yield that switched was already seen at the switch-out. */
	if (is_switch || !untrusted(task)->bpf_storage || !in_sched_yield(task))
		return 0;
	return note_current_yield(true);
}

/* Every kernel permits this probe, but it slows down all system calls while attached. */
SEC("?tracepoint/syscalls/sys_enter_sched_yield")
int handle__sys_enter_sched_yield(void *ctx)
{
	return note_current_yield(false);
}
