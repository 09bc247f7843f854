// SPDX-License-Identifier: GPL-2.0-only
/*
 * Implements /proc/maze/entries, whose format is that of 2008. A write starts or ends
 * watches (control.c). A read returns a line for each watched task, with the PIDs of the
 * reader's PID namespace.
 */
#include <linux/capability.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>

#include "chain_seq.h"
#include "kmod.h"

static void show_entry(struct maze_task *watched, void *arg)
{
	struct seq_file *file = arg;
	struct maze_policy policy;
	unsigned long flags;
	u64 count_ns;
	pid_t pid;

	pid = task_pid_nr_ns(watched->task, chain_seq_namespace(file));
	if (!pid)
		return;
	raw_spin_lock_irqsave(&watched->lock, flags);
	policy = watched->policy;
	count_ns = watched->account.count_ns;
	raw_spin_unlock_irqrestore(&watched->lock, flags);
	seq_printf(file, "%d: %llu: %llu: %llu: %u: %u:\n", pid, count_ns / NSEC_PER_MSEC,
		   policy.soft_ns / NSEC_PER_MSEC, policy.hard_ns / NSEC_PER_MSEC,
		   policy.soft_signal, policy.hard_signal);
}

static int show(struct seq_file *file, void *position)
{
	if (position == SEQ_START_TOKEN)
		seq_puts(file, "pid: count: soft-limit: hard-limit: soft-signal: hard-signal:\n");
	else
		tasks_each(chain_seq_chain(position), show_entry, file);
	return 0;
}

static const struct seq_operations operations = {
	.start = chain_seq_start,
	.next = chain_seq_next,
	.stop = chain_seq_stop,
	.show = show,
};

static int open(struct inode *inode, struct file *file)
{
	if ((file->f_mode & FMODE_WRITE) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return chain_seq_open(file, &operations);
}

static ssize_t write(struct file *file, const char __user *text, size_t count, loff_t *offset)
{
	return control_write(text, count);
}

static const struct proc_ops ops = {
	.proc_open = open,
	.proc_read = seq_read,
	.proc_write = write,
	.proc_lseek = seq_lseek,
	.proc_release = chain_seq_release,
};

int proc_entries_create(struct proc_dir_entry *dir)
{
	return proc_create("entries", 0644, dir, &ops) ? 0 : -ENOMEM;
}
