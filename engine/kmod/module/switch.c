// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps accounts at scheduler events. The tracepoints sched_switch, sched_process_fork,
 * sched_process_exec and sched_process_exit are found by name, because they are not
 * exported as symbols.
 *
 * Each switch costs one load if nothing is watched, else two lookups in the hash. Only
 * the account of a watched task is stepped, and only the switch-in of a watched task may
 * arm the timer.
 */
#include <linux/binfmts.h>
#include <linux/sched/clock.h>
#include <linux/tracepoint.h>

#include "kmod.h"

static DEFINE_PER_CPU(u64, switches);

static void fall_asleep(const struct task_struct *prev, struct maze_task *watched)
{
	watched->left_clock = local_clock();
#ifdef CONFIG_SCHED_INFO
	watched->left_waited = prev->sched_info.run_delay;
#endif
}

/* The probe runs after the scheduler has updated the runtime of prev. */
static void switch_out(struct task_struct *prev, struct maze_task *watched, bool preempt,
		       unsigned int prev_state)
{
	struct maze_sample sample = { .runtime_ns = prev->se.sum_exec_runtime, .act = MAZE_RUNS };

	raw_spin_lock(&watched->lock);
	/*
	 * prev_state is also nonzero for a preempted task, and for a task that a pending
	 * signal kept runnable. In the second case __state is 0. TASK_RTLOCK_WAIT does
	 * not count as a sleep, because the lock spins without PREEMPT_RT.
	 */
	if (!preempt && (prev_state & ~TASK_RTLOCK_WAIT) && READ_ONCE(prev->__state)) {
		sample.act = MAZE_SLEEPS;
		if (maze_recovery_is_for_locks(watched->policy.recovery) &&
		    !(prev_state & (__TASK_STOPPED | __TASK_TRACED)) && waits_for_lock(prev))
			sample.act = MAZE_LOCKS;
		if (!maze_sleep_resets(&watched->policy, sample.act))
			fall_asleep(prev, watched);
	} else if (!preempt && !prev_state && yields_now(prev)) {
		sample.act = MAZE_YIELDS;
	}
	judge(watched, &sample);
	raw_spin_unlock(&watched->lock);
}

/*
 * Returns how long the task was not runnable. With CONFIG_SCHED_INFO, this excludes the
 * wait for a CPU that follows the sleep.
 */
static u64 asleep_ns(const struct task_struct *next, const struct maze_task *watched)
{
#ifdef CONFIG_SCHED_INFO
	u64 queued = next->sched_info.last_queued;
	u64 waited = next->sched_info.run_delay - watched->left_waited;

	if (!queued)
		queued = local_clock();
	if (queued > watched->left_clock + waited)
		return queued - watched->left_clock - waited;
#endif
	return IS_ENABLED(CONFIG_SCHED_INFO) ? 0 : local_clock() - watched->left_clock;
}

static void switch_in(struct task_struct *next, struct maze_task *watched)
{
	struct maze_sample sample = { .runtime_ns = next->se.sum_exec_runtime, .act = MAZE_RUNS };
	u64 next_ns;

	raw_spin_lock(&watched->lock);
	/*
	 * yields.c needs a time no later than the switch-in. With sched_info it corrects
	 * local_clock() by last_arrival. Without sched_info, exec_start is early enough,
	 * because it lags by the time spent in interrupts.
	 */
	watched->in_clock = IS_ENABLED(CONFIG_SCHED_INFO) ? local_clock() : next->se.exec_start;
	watched->in_runtime = sample.runtime_ns;
	watched->switched_in = true;
	if (!watched->account.begun || watched->left_clock) {
		if (watched->left_clock) {
			sample.act = MAZE_WAKES;
			sample.asleep_ns = asleep_ns(next, watched);
			watched->left_clock = 0;
		}
		judge(watched, &sample);
	}
	next_ns = watched->next_check_ns;
	raw_spin_unlock(&watched->lock);
	if (next_ns)
		check_timer_arm(next_ns);
}

static void probe_switch(void *data, bool preempt, struct task_struct *prev,
			 struct task_struct *next, unsigned int prev_state)
{
	struct maze_task *watched;

	if (!atomic_read(&maze_watched))
		return;
	__this_cpu_inc(switches);
	watched = tasks_find(prev);
	if (watched)
		switch_out(prev, watched, preempt, prev_state);
	watched = tasks_find(next);
	if (watched)
		switch_in(next, watched);
}

/* Returns false if a child of this task is not to be watched. */
static bool params_for_child(const struct task_struct *parent, struct maze_watch_params *ret_params)
{
	struct maze_task *watched;
	unsigned long flags;

	/* From 7.0 on, this probe may be preempted, so only RCU keeps the entry allocated. */
	rcu_read_lock();
	watched = tasks_find(parent);
	if (watched) {
		raw_spin_lock_irqsave(&watched->lock, flags);
		ret_params->policy = watched->policy;
		ret_params->tag = watched->tag;
		ret_params->stamp = watched->stamp;
		ret_params->streak_class = watched->streak_class;
		raw_spin_unlock_irqrestore(&watched->lock, flags);
	}
	rcu_read_unlock();
	return watched && (ret_params->policy.flags & MAZE_POLICY_INHERIT);
}

static bool is_watched(const struct task_struct *task)
{
	bool found;

	rcu_read_lock();
	found = tasks_find(task);
	rcu_read_unlock();
	return found;
}

static void probe_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct maze_record lost = { .event = MAZE_EVENT_LOST, .lost = 1 };
	struct maze_watch_params params = { .flags = MAZE_RECORD_INHERITED };

	if (!atomic_read(&maze_watched) || !params_for_child(parent, &params))
		return;
	if (!tasks_watch(child, &params)) {
		/*
		 * A concurrent request may have ended the parent's watch before the child
		 * was added, so that request did not end the watch of the child.
		 */
		if (!is_watched(parent))
			tasks_end(child, MAZE_EVENT_UNWATCH);
		return;
	}
	control_inherit_failed();
	lost.tag = params.tag;
	records_write(NULL, &lost);
}

static void probe_exec(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *exec)
{
	struct maze_task *watched;

	if (!atomic_read(&maze_watched))
		return;
	rcu_read_lock();
	watched = tasks_find(task);
	if (watched)
		streaks_exec(watched, exec->file);
	rcu_read_unlock();
}

/* Judges an exiting task and ends its streak. Both lack the runtime since the last tick. */
static void judge_last(struct task_struct *task)
{
	struct maze_sample sample = { .runtime_ns = task->se.sum_exec_runtime, .act = MAZE_RUNS };
	struct maze_task *watched = tasks_find(task);
	unsigned long flags;

	if (!watched)
		return;
	raw_spin_lock_irqsave(&watched->lock, flags);
	if (watched->account.begun)
		judge(watched, &sample);
	if (watched->streak_class)
		streaks_add(watched, maze_streak(&watched->account),
			    watched->account.runtime_ns - watched->account.from_ns);
	raw_spin_unlock_irqrestore(&watched->lock, flags);
}

static void probe_exit(COMPAT_EXIT_ARGS)
{
	if (!atomic_read(&maze_watched))
		return;
	judge_last(task);
	tasks_end(task, MAZE_EVENT_EXIT);
}

#define HOOK_EXIT 0

static struct {
	const char *name;
	void *probe;
	struct tracepoint *found;
	bool attached;
} hooks[] = {
	[HOOK_EXIT] = { "sched_process_exit", probe_exit },
	{ "sched_process_fork", probe_fork },
	{ "sched_process_exec", probe_exec },
	{ "sched_switch", probe_switch },
};

static void find_hook(struct tracepoint *tracepoint, void *data)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(tracepoint->name, hooks[i].name))
			hooks[i].found = tracepoint;
}

static void unregister(unsigned int from)
{
	unsigned int i;

	for (i = from; i < ARRAY_SIZE(hooks); i++) {
		if (hooks[i].attached)
			tracepoint_probe_unregister(hooks[i].found, hooks[i].probe, NULL);
		hooks[i].attached = false;
	}
	tracepoint_synchronize_unregister();
}

void switch_stop(void)
{
	unregister(HOOK_EXIT + 1);
}

void switch_detach(void)
{
	unregister(HOOK_EXIT);
}

/* Attaches the exit probe first, so that every watched task is removed when it exits. */
int switch_attach(void)
{
	unsigned int i;
	int err;

	for_each_kernel_tracepoint(find_hook, NULL);
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		err = hooks[i].found
			      ? tracepoint_probe_register(hooks[i].found, hooks[i].probe, NULL)
			      : -ENOENT;
		if (err) {
			pr_err("cannot use tracepoint %s: error %d\n", hooks[i].name, err);
			switch_detach();
			return err;
		}
		hooks[i].attached = true;
	}
	return 0;
}

u64 switch_count(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) sum += per_cpu(switches, cpu);
	return sum;
}
