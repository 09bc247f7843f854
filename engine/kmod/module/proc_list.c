// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/maze/list is an array of struct maze_entry (core/record.h), with the PIDs of the
 * reader's PID namespace.
 */
#include <linux/cred.h>
#include <linux/proc_fs.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "chain_seq.h"
#include "kmod.h"

static void show_entry(struct maze_task *watched, void *arg)
{
	struct seq_file *file = arg;
	struct task_struct *task = watched->task;
	struct maze_entry entry = {
		.pid = task_tgid_nr_ns(task, chain_seq_namespace(file)),
		.tid = task_pid_nr_ns(task, chain_seq_namespace(file)),
		.uid = from_kuid(&init_user_ns, task_uid(task)),
	};
	unsigned long flags;

	if (!entry.tid)
		return;
	strscpy_pad(entry.comm, task->comm, sizeof(entry.comm));
	raw_spin_lock_irqsave(&watched->lock, flags);
	entry.count_ns = watched->account.count_ns;
	if (watched->account.begun && task->se.sum_exec_runtime > watched->account.runtime_ns)
		entry.count_ns += task->se.sum_exec_runtime - watched->account.runtime_ns;
	entry.soft_ns = watched->policy.soft_ns;
	entry.hard_ns = watched->policy.hard_ns;
	entry.recovery = watched->policy.recovery;
	entry.flags = watched->policy.flags;
	entry.soft_signal = watched->policy.soft_signal;
	entry.hard_signal = watched->policy.hard_signal;
	entry.tag = watched->tag;
	entry.fired = watched->account.fired;
	entry.episode = watched->account.episode;
	raw_spin_unlock_irqrestore(&watched->lock, flags);
	seq_write(file, &entry, sizeof(entry));
}

static int show(struct seq_file *file, void *position)
{
	if (position != SEQ_START_TOKEN)
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
	return chain_seq_open(file, &operations);
}

static const struct proc_ops ops = {
	.proc_open = open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = chain_seq_release,
};

int proc_list_create(struct proc_dir_entry *dir)
{
	return proc_create("list", 0400, dir, &ops) ? 0 : -ENOMEM;
}
