// SPDX-License-Identifier: GPL-2.0-only
/*
 * A timer for each CPU that goes off when the watched task there has had the chance to
 * use up what is left of its limit. None runs where no watched task runs.
 *
 * The runtime of a task that runs is booked at ticks and switches, so at the moment
 * its limit ends the books are up to a tick behind. No clock of ours is put in their
 * place: the timer asks the scheduler to look (need_resched), which books even when it
 * picks the same task again, and comes back some microseconds later.
 */
#include <linux/cpuhotplug.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>

#include "kmod.h"

/* From need_resched to the way out of this interrupt, and through the scheduler. */
#define BOOKING_NS (20 * NSEC_PER_USEC)
/* A task that spins in the kernel is not rescheduled at once: then more rarely. */
#define BOOKING_MAX_NS NSEC_PER_MSEC
/* Not worth a timer of its own. */
#define SOONEST_NS (5 * NSEC_PER_USEC)

struct look_timer {
	struct hrtimer timer;
	u64 until_ns;	/* CLOCK_MONOTONIC when it goes off; 0: not armed */
	u64 booking_ns; /* how long was waited for books to be up to date; 0: not asked */
	u64 expiries;
	int cpu;
};

static DEFINE_PER_CPU(struct look_timer, timers);
static enum cpuhp_state hotplug;

void look_timer_arm(u64 delay_ns)
{
	struct look_timer *timer = this_cpu_ptr(&timers);
	u64 now = ktime_get_ns();

	if (delay_ns < SOONEST_NS)
		delay_ns = SOONEST_NS;
	/* If it goes off earlier anyway, it will look and arm itself for the rest. */
	if (timer->until_ns > now && timer->until_ns <= now + delay_ns)
		return;
	timer->until_ns = now + delay_ns;
	timer->booking_ns = 0;
	hrtimer_start(&timer->timer, ns_to_ktime(delay_ns), HRTIMER_MODE_REL_PINNED_HARD);
}

/*
 * An account must not begin in the past, so not with books from before the watch began:
 * only when they are seen to have moved since. That it was asked to book, and that
 * need_resched is gone, does not say so: it may have been somebody else who was asked,
 * or before the watch began; and a real-time class that picks the same task again need
 * not book before the next tick.
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
	/* It has not been switched in since its watch began: as if it were at that look. */
	if (!watched->in_clock) {
		watched->in_runtime = runtime_ns;
		watched->in_clock = watched->seen_clock;
	}
	return true;
}

/* Steps the current task's account; after how long to look again, 0: not at all. */
static u64 look(struct maze_task *watched, bool *ret_begun)
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
		next_ns = watched->next_ns;
	}
	raw_spin_unlock(&watched->lock);
	return next_ns;
}

static enum hrtimer_restart go_off(struct hrtimer *hrtimer)
{
	struct look_timer *timer = container_of(hrtimer, struct look_timer, timer);
	struct maze_task *watched;
	u64 delay_ns;
	bool booked, begun;

	timer->expiries++;
	timer->until_ns = 0;
	/* Its CPU has gone, and another has inherited it: whoever runs here has a timer. */
	if (timer->cpu != smp_processor_id() || !atomic_read(&maze_watched))
		return HRTIMER_NORESTART;
	watched = tasks_find(current);
	if (!watched)
		return HRTIMER_NORESTART;
	booked = timer->booking_ns && !test_tsk_need_resched(current);
	/* Even if it is not: a tick may have booked enough for a verdict already. */
	delay_ns = look(watched, &begun);
	if (booked && begun) {
		timer->booking_ns = 0;
		if (!delay_ns)
			return HRTIMER_NORESTART;
		if (delay_ns < SOONEST_NS)
			delay_ns = SOONEST_NS;
	} else {
		set_tsk_need_resched(current);
		set_preempt_need_resched();
		/* Twice as long each time: it may be in the kernel for a while. */
		timer->booking_ns = timer->booking_ns ? timer->booking_ns * 2 : BOOKING_NS;
		if (timer->booking_ns > BOOKING_MAX_NS)
			timer->booking_ns = BOOKING_MAX_NS;
		delay_ns = timer->booking_ns;
	}
	timer->until_ns = ktime_get_ns() + delay_ns;
	hrtimer_set_expires(hrtimer, ns_to_ktime(timer->until_ns));
	return HRTIMER_RESTART;
}

static void kick(void *arg)
{
	look_timer_arm(SOONEST_NS);
}

void look_timer_kick(void)
{
	on_each_cpu(kick, NULL, 1);
}

static int disarm(unsigned int cpu)
{
	struct look_timer *timer = &per_cpu(timers, cpu);

	hrtimer_cancel(&timer->timer);
	timer->until_ns = 0;
	return 0;
}

int look_timer_init(void)
{
	struct look_timer *timer;
	int cpu, state;

	for_each_possible_cpu(cpu)
	{
		timer = &per_cpu(timers, cpu);
		timer->cpu = cpu;
		compat_hrtimer_setup(&timer->timer, go_off);
	}
	/*
	 * What is armed after a CPU's going goes to another with the rest, and does nothing
	 * there. If the CPU comes again before, it must not be taken for armed here.
	 */
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "maze:online", disarm, disarm);
	if (state < 0)
		return state;
	hotplug = state;
	return 0;
}

void look_timer_done(void)
{
	int cpu;

	cpuhp_remove_state(hotplug);
	/* No probe arms one any more. */
	for_each_possible_cpu(cpu) hrtimer_cancel(&per_cpu(timers, cpu).timer);
}

u64 look_timer_expiries(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) sum += per_cpu(timers, cpu).expiries;
	return sum;
}
