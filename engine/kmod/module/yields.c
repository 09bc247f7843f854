// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seeing sched_yield(2), and waits in futex(2). A yield that lets another task run is seen
 * at that switch, by the system call that the task is in. One that finds nothing else to
 * run is seen by a kprobe on the function behind the call, which costs other calls nothing.
 */
#include <linux/kprobes.h>
#include <linux/sched/clock.h>
#include <linux/sched/task_stack.h>

#include <asm/syscall.h>
#include <asm/unistd.h>

#include "kmod.h"

/* What a clock read before and after may round down, and more. */
#define MARGIN_NS NSEC_PER_USEC

static bool attached;

/*
 * The clock at in_runtime, or before. At a switch-in it is the scheduler's own reading, from
 * which on it counts: that of our probe comes later, by any time if the machine below stands
 * still in between.
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

/* Of a task that sleeps and is not stopped: no other call with one of these numbers sleeps. */
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

/*
 * Judges what is booked of the episode that ends here, for the next step will know only what
 * came after. Then leaves the moment, in the task's own runtime, for that step. It may be
 * too large but not too small: so time that was stolen since the task came to its CPU is in.
 */
static int note(struct kprobe *probe, struct pt_regs *regs)
{
	struct maze_sample sample = { .act = MAZE_RUNS };
	struct maze_task *watched;
	unsigned long flags;

	if (!atomic_read(&maze_watched))
		return 0;
	watched = tasks_find(current);
	if (!watched)
		return 0;
	raw_spin_lock_irqsave(&watched->lock, flags);
	if (watched->account.begun && watched->in_clock) {
		sample.runtime_ns = current->se.sum_exec_runtime;
		judge(watched, &sample);
		watched->yield_ns =
			watched->in_runtime + local_clock() - counted_since(watched) + MARGIN_NS;
	}
	raw_spin_unlock_irqrestore(&watched->lock, flags);
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "do_sched_yield",
	.pre_handler = note,
};

void yields_init(void)
{
	int err = register_kprobe(&probe);

	attached = !err;
	if (err)
		pr_warn("no kprobe on %s (error %d): a sched_yield that finds nothing else to run "
			"is not seen\n",
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
