// SPDX-License-Identifier: GPL-2.0-only
/*
 * Detects calls of sched_yield(2), and sleeps of tasks in futex(2). A yield that switches
 * to another task is detected at the switch, by the system call number of the task. A
 * yield without a switch is detected by a kprobe on do_sched_yield(), which costs other
 * system calls nothing.
 */
#include <linux/kprobes.h>
#include <linux/sched/clock.h>
#include <linux/sched/task_stack.h>

#include <asm/syscall.h>
#include <asm/unistd.h>

#include "kmod.h"

/* This margin is larger than the rounding error of two readings of a clock. */
#define MARGIN_NS NSEC_PER_USEC

static bool attached;

/*
 * Returns the time at which the runtime was in_runtime, or an earlier time. After a
 * switch-in, sched_info has the time that the scheduler read. The switch probe reads the
 * clock later, and much later if a hypervisor stops the CPU in between.
 */
static u64 counted_since(const struct maze_task *watched)
{
#ifdef CONFIG_SCHED_INFO
	if (watched->switched_in)
		return min_t(u64, watched->in_clock, current->sched_info.last_arrival);
#endif
	return watched->in_clock;
}

bool yields_now(struct task_struct *task)
{
	int nr = syscall_get_nr(task, task_pt_regs(task));

#ifdef CONFIG_X86_64
	/* arch/x86/entry/syscalls/syscall_32.tbl */
	if (task_thread_info(task)->status & TS_COMPAT)
		return nr == 158;
	return (nr & ~__X32_SYSCALL_BIT) == __NR_sched_yield;
#else
	return nr == __NR_sched_yield;
#endif
}

/*
 * Returns whether a sleeping task waits for a lock. The caller has excluded stopped
 * tasks. The system calls tested here sleep only in a futex wait, which counts as a wait
 * for a lock.
 */
bool waits_for_lock(struct task_struct *task)
{
	int nr = syscall_get_nr(task, task_pt_regs(task));

#ifdef CONFIG_X86_64
	/* arch/x86/entry/syscalls/syscall_32.tbl */
	if ((task_thread_info(task)->status & TS_COMPAT) && (nr == 240 || nr == 422))
		return true;
	nr &= ~__X32_SYSCALL_BIT;
#endif
#ifdef __NR_futex_waitv
	if (nr == __NR_futex_waitv)
		return true;
#endif
#ifdef __NR_futex_wait
	if (nr == __NR_futex_wait)
		return true;
#endif
	return nr == __NR_futex;
}

/* Call this at each yield, because the account has the runtime of the latest one only. */
static void end_streak(struct maze_task *watched, u64 noted_ns)
{
	u64 streak_ns = maze_yield_streak(&watched->account, noted_ns, watched->yield_ns);

	streaks_add(watched, streak_ns, 0);
}

/*
 * A yield ends the episode. Judge the episode here, because the next step charges only
 * the runtime after the yield. Then store the runtime at the yield for the next step. The
 * stored value may be too large but not too small, so it may include steal time since the
 * switch-in.
 */
static int handle_yield(struct kprobe *probe, struct pt_regs *regs)
{
	struct maze_sample sample = { .act = MAZE_RUNS };
	struct maze_task *watched;
	unsigned long flags;
	u64 noted_ns;

	if (!atomic_read(&maze_watched))
		return 0;
	watched = tasks_find(current);
	if (!watched)
		return 0;
	raw_spin_lock_irqsave(&watched->lock, flags);
	if (watched->account.begun && watched->in_clock) {
		sample.runtime_ns = current->se.sum_exec_runtime;
		judge(watched, &sample);
		noted_ns = watched->yield_ns;
		watched->yield_ns =
			watched->in_runtime + local_clock() - counted_since(watched) + MARGIN_NS;
		if (watched->streak_class && !(watched->policy.flags & MAZE_POLICY_YIELD_COUNTS))
			end_streak(watched, noted_ns);
	}
	raw_spin_unlock_irqrestore(&watched->lock, flags);
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "do_sched_yield",
	.pre_handler = handle_yield,
};

void yields_init(void)
{
	int err = register_kprobe(&probe);

	attached = !err;
	if (err)
		pr_warn("no kprobe on %s (error %d): sched_yield without a switch is not "
			"detected\n",
			probe.symbol_name, err);
}

void yields_done(void)
{
	if (attached)
		unregister_kprobe(&probe);
	attached = false;
}

bool yields_are_seen(void)
{
	return attached;
}
