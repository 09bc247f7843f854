// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seeing sched_yield(2). One that lets another task run is seen at that switch, by the
 * system call that the task is in. One that finds nothing else to run is seen by a
 * kprobe on the function behind the call, which costs other calls nothing.
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
 * Leaves the moment, in the task's own runtime, for the next step. It may be too large
 * but not too small: so time that was stolen since the task came to its CPU is in.
 */
static int note(struct kprobe *probe, struct pt_regs *regs)
{
	struct maze_task *watched;

	if (!atomic_read(&maze_watched))
		return 0;
	watched = tasks_find(current);
	if (watched && watched->in_clock)
		WRITE_ONCE(watched->yield_ns,
			   watched->in_runtime + local_clock() - watched->in_clock + MARGIN_NS);
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
