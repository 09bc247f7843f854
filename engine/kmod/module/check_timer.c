// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each CPU has a timer that expires when the watched task on this CPU may have reached
 * its limit. On a CPU that runs no watched task, an expired timer is not armed again.
 *
 * The scheduler updates the runtime of a running task only at ticks and switches, so the
 * value may be up to a tick old. The module does not replace the value by a clock of its
 * own. Instead the timer sets need_resched and expires again some microseconds later.
 * need_resched makes the scheduler update the runtime even if it picks the same task
 * again.
 */
#include <linux/cpuhotplug.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>

#include "kmod.h"

/* The timer expires this long after it set need_resched, usually after the update. */
#define UPDATE_NS (20 * NSEC_PER_USEC)
/* A task that spins in the kernel delays the update, so the delay doubles up to this. */
#define UPDATE_MAX_NS NSEC_PER_MSEC
/* The minimum delay. A shorter delay costs more than its precision is worth. */
#define DELAY_MIN_NS (5 * NSEC_PER_USEC)

struct check_timer {
	struct hrtimer timer;
	u64 until_ns;  /* CLOCK_MONOTONIC when it expires; 0: not armed */
	u64 update_ns; /* delay until the runtime update that it requested; 0: none */
	u64 expiries;
	int cpu;
};

static DEFINE_PER_CPU(struct check_timer, timers);
static enum cpuhp_state hotplug;

void check_timer_arm(u64 delay_ns)
{
	struct check_timer *timer = this_cpu_ptr(&timers);
	u64 now = ktime_get_ns();

	if (delay_ns < DELAY_MIN_NS)
		delay_ns = DELAY_MIN_NS;
	/* Keep an earlier expiry, because the timer then checks and arms itself again. */
	if (timer->until_ns > now && timer->until_ns <= now + delay_ns)
		return;
	timer->until_ns = now + delay_ns;
	timer->update_ns = 0;
	hrtimer_start(&timer->timer, ns_to_ktime(delay_ns), HRTIMER_MODE_REL_PINNED_HARD);
}

/*
 * An account must not begin with a runtime from before the watch. So it begins only when
 * the runtime has changed since the first check. A cleared need_resched does not prove an
 * update, because the timer may have set it for another task or before the watch. A
 * real-time class that picks the same task again may also leave the runtime as it is
 * until the next tick.
 */
static bool may_begin(struct maze_task *watched, u64 runtime_ns)
{
	if (!watched->seen_clock) {
		watched->seen_runtime = runtime_ns;
		watched->seen_clock = local_clock();
		return false;
	}
	if (runtime_ns <= watched->seen_runtime)
		return false;
	/* If no switch-in was seen, use the time of the first check. */
	if (!watched->in_clock) {
		watched->in_runtime = runtime_ns;
		watched->in_clock = watched->seen_clock;
	}
	return true;
}

/* Steps the current task's account. Returns the delay until its next check; 0: none. */
static u64 check(struct maze_task *watched, bool *ret_begun)
{
	struct maze_sample sample = {
		.runtime_ns = current->se.sum_exec_runtime,
		.act = MAZE_RUNS,
	};
	u64 next_ns = 0;

	raw_spin_lock(&watched->lock);
	*ret_begun = watched->account.begun || may_begin(watched, sample.runtime_ns);
	if (*ret_begun) {
		judge(watched, &sample);
		next_ns = watched->next_check_ns;
	}
	raw_spin_unlock(&watched->lock);
	return next_ns;
}

static enum hrtimer_restart expire(struct hrtimer *hrtimer)
{
	struct check_timer *timer = container_of(hrtimer, struct check_timer, timer);
	struct maze_task *watched;
	u64 delay_ns;
	bool updated, begun;

	timer->expiries++;
	timer->until_ns = 0;
	/*
	 * A timer whose CPU went offline moves to another CPU, which has its own timer.
	 */
	if (timer->cpu != smp_processor_id() || !atomic_read(&maze_watched))
		return HRTIMER_NORESTART;
	watched = tasks_find(current);
	if (!watched)
		return HRTIMER_NORESTART;
	updated = timer->update_ns && !test_tsk_need_resched(current);
	/* Check even without an update, because a tick may have added runtime. */
	delay_ns = check(watched, &begun);
	if (updated && begun) {
		timer->update_ns = 0;
		if (!delay_ns)
			return HRTIMER_NORESTART;
		if (delay_ns < DELAY_MIN_NS)
			delay_ns = DELAY_MIN_NS;
	} else {
		set_tsk_need_resched(current);
		set_preempt_need_resched();
		/* Double the delay, because the task may stay in the kernel for a while. */
		timer->update_ns = timer->update_ns ? timer->update_ns * 2 : UPDATE_NS;
		if (timer->update_ns > UPDATE_MAX_NS)
			timer->update_ns = UPDATE_MAX_NS;
		delay_ns = timer->update_ns;
	}
	timer->until_ns = ktime_get_ns() + delay_ns;
	hrtimer_set_expires(hrtimer, ns_to_ktime(timer->until_ns));
	return HRTIMER_RESTART;
}

static void arm_soon(void *arg)
{
	check_timer_arm(DELAY_MIN_NS);
}

void check_timer_arm_all(void)
{
	on_each_cpu(arm_soon, NULL, 1);
}

static int disarm(unsigned int cpu)
{
	struct check_timer *timer = &per_cpu(timers, cpu);

	hrtimer_cancel(&timer->timer);
	timer->until_ns = 0;
	return 0;
}

int check_timer_init(void)
{
	struct check_timer *timer;
	int cpu, state;

	for_each_possible_cpu(cpu)
	{
		timer = &per_cpu(timers, cpu);
		timer->cpu = cpu;
		compat_hrtimer_setup(&timer->timer, expire);
	}
	/*
	 * A timer that is armed while its CPU goes offline moves to another CPU and does
	 * nothing there. disarm() clears until_ns, so that the timer can be armed when
	 * its CPU is online again.
	 */
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "maze:online", disarm, disarm);
	if (state < 0)
		return state;
	hotplug = state;
	return 0;
}

void check_timer_done(void)
{
	int cpu;

	cpuhp_remove_state(hotplug);
	/* The probes that arm timers are already detached, so no timer is armed again. */
	for_each_possible_cpu(cpu) hrtimer_cancel(&per_cpu(timers, cpu).timer);
}

u64 check_timer_expiries(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) sum += per_cpu(timers, cpu).expiries;
	return sum;
}
