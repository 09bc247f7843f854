// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds the streaks of observed tasks to their classes (core/streaks.h). A task has its
 * class before its first streak: the request that watches it finds the class, a child has
 * that of its parent, and execve sets a new one. All of these run in process context. So
 * a switch neither looks up a class nor allocates.
 *
 * The first request that observes allocates the table. It stays until the module is
 * unloaded. A class stays until an order ends all watches with its tag.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "kmod.h"

struct class_key {
	u64 tag;
	u64 inode;
	u32 device;
	u32 used; /* 0: the class is free */
};

static struct {
	struct class_key keys[MAZE_STREAK_CLASSES]; /* the last class has none */
	struct maze_streaks streaks[MAZE_STREAK_CLASSES];
} * table;
/* Protects all but the buckets and cpu_ns. Also taken in hard interrupt context. */
static DEFINE_RAW_SPINLOCK(lock);

int streaks_init(void)
{
	typeof(table) fresh;

	if (table)
		return 0;
	fresh = kvzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	/* Readers of the file take no lock. */
	smp_store_release(&table, fresh);
	return 0;
}

void streaks_done(void)
{
	kvfree(table);
	table = NULL;
}

size_t streaks_bytes(void)
{
	return READ_ONCE(table) ? sizeof(*table) : 0;
}

static bool is_class(const struct class_key *a, const struct class_key *b)
{
	return a->used && a->tag == b->tag && a->inode == b->inode && a->device == b->device;
}

/* Returns the number of the class, which it adds if it is new. */
static u32 class_of(u64 tag, const struct file *file)
{
	const struct inode *inode = file_inode(file);
	const struct class_key key = {
		.tag = tag, .inode = inode->i_ino, .device = inode->i_sb->s_dev, .used = 1
	};
	u32 i, unused = MAZE_STREAK_OTHERS;
	struct maze_streaks *class;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	for (i = 0; i < MAZE_STREAK_OTHERS; i++) {
		if (is_class(&table->keys[i], &key))
			goto out_unlock;
		if (!table->keys[i].used && unused == MAZE_STREAK_OTHERS)
			unused = i;
	}
	i = unused;
	if (i == MAZE_STREAK_OTHERS)
		goto out_unlock;
	table->keys[i] = key;
	class = &table->streaks[i];
	class->tag = key.tag;
	class->inode = key.inode;
	class->device = key.device;
	/* A rename frees the old name after an RCU grace period, so not before the unlock. */
	strscpy(class->program, READ_ONCE(file->f_path.dentry->d_name.name),
		sizeof(class->program));
out_unlock:
	raw_spin_unlock_irqrestore(&lock, flags);
	return i + 1;
}

u32 streaks_class_of(struct task_struct *task, u64 tag)
{
	struct mm_struct *mm = get_task_mm(task);
	u32 number = MAZE_STREAK_OTHERS + 1;
	struct file *file;

	if (!mm)
		return number;
	rcu_read_lock();
	file = compat_get_file_rcu(&mm->exe_file);
	rcu_read_unlock();
	mmput(mm);
	if (file) {
		number = class_of(tag, file);
		fput(file);
	}
	return number;
}

void streaks_set_class(struct maze_task *watched, u32 number)
{
	if (watched->streak_class != number)
		watched->streak_counted = false;
	watched->streak_class = number;
}

void streaks_exec(struct maze_task *watched, const struct file *file)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&watched->lock, flags);
	if (watched->streak_class)
		streaks_set_class(watched, class_of(watched->tag, file));
	raw_spin_unlock_irqrestore(&watched->lock, flags);
}

void streaks_forget(const u64 *tag)
{
	unsigned long flags;
	u32 i;

	for (i = 0; table && i < MAZE_STREAK_CLASSES; i++) {
		raw_spin_lock_irqsave(&lock, flags);
		if (!tag || (table->keys[i].used && table->keys[i].tag == *tag)) {
			table->keys[i].used = 0;
			memset(&table->streaks[i], 0, sizeof(table->streaks[i]));
		}
		raw_spin_unlock_irqrestore(&lock, flags);
	}
}

static void add(maze_u64 *to, u64 value)
{
	atomic64_add((s64)value, (atomic64_t *)to);
}

static void count_process(struct maze_streaks *class, struct maze_task *watched)
{
	raw_spin_lock(&lock);
	class->pid = (u32)watched->task->tgid;
	class->processes += thread_group_leader(watched->task);
	raw_spin_unlock(&lock);
	watched->streak_counted = true;
}

static void note_longest(struct maze_streaks *class, const struct task_struct *task, u64 streak_ns)
{
	raw_spin_lock(&lock);
	if (streak_ns > class->longest_ns) {
		WRITE_ONCE(class->longest_ns, streak_ns);
		class->longest_seen_ns = streak_ns;
		class->longest_at_ns = ktime_get_boottime_ns();
		class->longest_pid = (u32)task->tgid;
		class->longest_tid = (u32)task->pid;
		strscpy_pad(class->longest_comm, task->comm, sizeof(class->longest_comm));
	}
	raw_spin_unlock(&lock);
}

void streaks_add(struct maze_task *watched, u64 streak_ns, u64 spent_ns)
{
	struct maze_streaks *class = &table->streaks[watched->streak_class - 1];

	if (spent_ns)
		add(&class->cpu_ns, spent_ns);
	if (!streak_ns)
		return;
	if (!watched->streak_counted)
		count_process(class, watched);
	add(&class->buckets[maze_streak_bucket(streak_ns)], 1);
	if (streak_ns > READ_ONCE(class->longest_ns))
		note_longest(class, watched->task, streak_ns);
}

static void take_running(struct maze_task *watched, void *arg)
{
	const struct task_struct *task = watched->task;
	struct maze_sample sample = { .act = MAZE_RUNS };
	struct maze_streaks *class;
	struct maze_account account;
	struct maze_policy policy;
	unsigned long flags;
	u32 number;

	raw_spin_lock_irqsave(&watched->lock, flags);
	sample.runtime_ns = task->se.sum_exec_runtime;
	sample.yield_ns = watched->yield_ns;
	account = watched->account;
	policy = watched->policy;
	number = watched->streak_class;
	raw_spin_unlock_irqrestore(&watched->lock, flags);
	if (!number)
		return;
	if (account.begun)
		maze_charge(&policy, &account, &sample);
	class = (struct maze_streaks *)arg + (number - 1);
	if (class->running_pid && maze_streak(&account) <= class->running_ns)
		return;
	class->running_ns = maze_streak(&account);
	class->running_pid = (u32)task->tgid;
	class->running_tid = (u32)task->pid;
	strscpy_pad(class->running_comm, task->comm, sizeof(class->running_comm));
}

static void copy_class(struct maze_streaks *to, u32 i)
{
	unsigned long flags;
	u32 bucket;

	raw_spin_lock_irqsave(&lock, flags);
	if (i == MAZE_STREAK_OTHERS || table->keys[i].used)
		*to = table->streaks[i];
	raw_spin_unlock_irqrestore(&lock, flags);
	for (bucket = 0; bucket < MAZE_STREAK_BUCKETS; bucket++)
		to->streaks += to->buckets[bucket];
}

u32 streaks_copy(struct maze_streaks *ret_classes)
{
	u32 i, count = 0;

	for (i = 0; i < MAZE_STREAK_CLASSES; i++)
		copy_class(&ret_classes[i], i);
	strscpy(ret_classes[MAZE_STREAK_OTHERS].program, MAZE_STREAK_OTHERS_NAME,
		MAZE_PROGRAM_NAME_LEN);
	for (i = 0; i < MAZE_CHAINS; i++) {
		tasks_each(i, take_running, ret_classes);
		cond_resched();
	}
	for (i = 0; i < MAZE_STREAK_CLASSES; i++) {
		if (!ret_classes[i].streaks && !ret_classes[i].running_pid)
			continue;
		if (i != count)
			ret_classes[count] = ret_classes[i];
		count++;
	}
	return count;
}
