// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is written to /proc/maze/entries: whole lines, one after the other, until one
 * fails. What came before it stands, and the short count that is returned says so.
 */
#include <linux/capability.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>

#include "grammar.h"
#include "kmod.h"

/* Taken of one write; the rest is for the caller's next, as of any write(2). */
#define WRITE_MAX (64 * 1024)

static DEFINE_MUTEX(one_writer);
static atomic64_t inherit_failures;
static u32 stamp;

u64 control_inherit_failures(void)
{
	return atomic64_read(&inherit_failures);
}

void control_inherit_failed(void)
{
	atomic64_inc(&inherit_failures);
}

/* The task of that number in the writer's pid namespace, with a reference. */
static struct task_struct *find_task(u32 number)
{
	struct pid *pid = find_get_pid(number);
	struct task_struct *task = pid ? get_pid_task(pid, PIDTYPE_PID) : NULL;

	put_pid(pid);
	return task;
}

static int refuse(const struct task_struct *task)
{
	if (is_global_init((struct task_struct *)task) ||
	    (task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER)))
		return -EPERM;
	return 0;
}

/* Threads of a process that a request has not watched yet. */
struct batch {
	struct task_struct *leader;
	u64 born_by; /* of CLOCK_BOOTTIME; later ones are not meant */
	unsigned int count;
	/* Few enough for the stack, many enough that thousands are not gone through for each. */
	struct task_struct *threads[32];
};

static bool is_left(const struct batch *batch, const struct task_struct *thread)
{
	const struct maze_task *watched = tasks_find(thread);

	if (READ_ONCE(thread->flags) & (PF_EXITING | PF_IO_WORKER | PF_USER_WORKER))
		return false;
	if (watched && watched->stamp == stamp)
		return false;
	return thread->start_boottime <= batch->born_by;
}

/* With references. */
static bool next_batch(struct batch *batch)
{
	struct task_struct *thread;

	batch->count = 0;
	rcu_read_lock();
	for_each_thread(batch->leader, thread)
	{
		if (batch->count == ARRAY_SIZE(batch->threads))
			break;
		if (!is_left(batch, thread))
			continue;
		get_task_struct(thread);
		batch->threads[batch->count++] = thread;
	}
	rcu_read_unlock();
	return batch->count;
}

static int watch_batch(const struct batch *batch, const struct maze_wish *wish, u64 *ret_done,
		       u64 *ret_left)
{
	unsigned int i;
	int err, failed = 0;

	for (i = 0; i < batch->count; i++) {
		err = failed ? failed : tasks_watch(batch->threads[i], wish);
		put_task_struct(batch->threads[i]);
		if (err == -EEXIST)
			++*ret_left;
		else if (err && err != -ESRCH)
			failed = err;
		*ret_done += !err;
	}
	return failed;
}

/*
 * All threads. Those that these start while we are at it inherit the stamp with the
 * watch, unless they are not to be watched at all; so only who had not been come to yet
 * makes more work. Nobody can be kept at it: not by threads that are started faster, and
 * not beyond his own death.
 */
static int watch_process(struct task_struct *leader, const struct maze_wish *wish)
{
	bool inherits = wish->policy.flags & MAZE_POLICY_INHERIT;
	struct batch batch = {
		.leader = leader,
		.born_by = inherits ? U64_MAX : ktime_get_boottime_ns(),
	};
	u64 done = 0, left = 0, tried = 0;
	int err;

	while (next_batch(&batch)) {
		err = watch_batch(&batch, wish, &done, &left);
		if (err)
			return err;
		tried += batch.count;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (tried > 2ULL * READ_ONCE(maze_max_entries))
			return -EAGAIN;
		cond_resched();
	}
	if (done)
		return 0;
	return left ? -EEXIST : -ESRCH;
}

static int watch(struct task_struct *task, const struct grammar_order *order)
{
	struct maze_wish wish = {
		.policy = order->policy,
		.tag = order->tag,
		.mask = order->mask,
		.may_sleep = true,
	};
	int err = refuse(task);

	if (err)
		return err;
	wish.stamp = ++stamp;
	if (order->thread)
		err = tasks_watch(task, &wish);
	else
		err = watch_process(task, &wish);
	/*
	 * Some may be running this very moment, and would not be switched for long; of
	 * several, some may be watched where a later one failed.
	 */
	if (err != -ESRCH && err != -EEXIST)
		look_timer_kick();
	return err;
}

static bool reaches(const struct grammar_order *order, const struct maze_task *watched)
{
	return !((READ_ONCE(watched->tag) ^ order->tag) & order->mask);
}

/* Under RCU. */
static int end_one(struct task_struct *task, const struct grammar_order *order)
{
	struct maze_task *watched = tasks_find(task);

	return watched && reaches(order, watched) && tasks_end(task, MAZE_EVENT_UNWATCH);
}

static int end(struct task_struct *task, const struct grammar_order *order)
{
	struct task_struct *thread;
	int ended = 0;

	rcu_read_lock();
	if (order->thread)
		ended = end_one(task, order);
	else
		for_each_thread(task, thread) ended += end_one(thread, order);
	rcu_read_unlock();
	return ended ? 0 : -ENOENT;
}

static void end_if_reached(struct maze_task *watched, void *arg)
{
	if (reaches(arg, watched))
		tasks_end(watched->task, MAZE_EVENT_UNWATCH);
}

static void end_tag(const struct grammar_order *order)
{
	unsigned int i;

	for (i = 0; i < MAZE_CHAINS; i++) {
		tasks_each(i, end_if_reached, (void *)order);
		cond_resched();
	}
}

/*
 * In what /proc counts in, by the time namespace of who writes, as of who reads there;
 * its files say it of the process, which is the leader's.
 */
static bool began_otherwise(const struct task_struct *task, const struct grammar_order *order)
{
	u64 start_ns = 0;
	bool alive;

	if (!order->start_ticks)
		return false;
	/* What has been reaped still points to its leader, who need not be there any more. */
	rcu_read_lock();
	alive = pid_alive(task);
	if (alive)
		start_ns = READ_ONCE(task->group_leader)->start_boottime;
	rcu_read_unlock();
	start_ns = timens_add_boottime_ns(start_ns);
	return !alive || order->start_ticks != div_u64(start_ns, NSEC_PER_SEC / USER_HZ);
}

static int carry_out(const struct grammar_order *order)
{
	struct task_struct *task;
	int err;

	if (order->kind == GRAMMAR_NOTHING)
		return 0;
	if (order->kind == GRAMMAR_END_TAG) {
		end_tag(order);
		return 0;
	}
	if (order->kind == GRAMMAR_END_ALL) {
		tasks_drop_all();
		return 0;
	}
	task = find_task(order->pid);
	if (!task)
		return -ESRCH;
	/* Without `thread` a number means a process. */
	if (began_otherwise(task, order))
		err = -ESRCH;
	else if (!order->thread && !thread_group_leader(task))
		err = -EINVAL;
	else if (order->kind == GRAMMAR_WATCH)
		err = watch(task, order);
	else
		err = end(task, order);
	put_task_struct(task);
	return err;
}

/* Carries out line after line; how many bytes were taken, or the error of the first line. */
static ssize_t carry_out_all(const char *text, size_t len)
{
	struct grammar_order order;
	const char *line = text, *newline;
	size_t line_len;
	int err;

	while (line < text + len) {
		newline = memchr(line, '\n', (size_t)(text + len - line));
		line_len = (size_t)((newline ? newline : text + len) - line);
		err = grammar_parse(line, line_len, &order) ? carry_out(&order) : -EINVAL;
		if (err)
			return line == text ? err : line - text;
		line += line_len + !!newline;
	}
	return (ssize_t)len;
}

/* Of more than is taken at once, only whole lines. */
static size_t cut(const char *text, size_t taken, size_t count)
{
	size_t len = taken;

	if (taken == count)
		return taken;
	while (len && text[len - 1] != '\n')
		len--;
	return len ? len : taken;
}

ssize_t control_write(const char __user *text, size_t count)
{
	size_t taken = min_t(size_t, count, WRITE_MAX);
	ssize_t done;
	char *copy;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!count)
		return 0;
	copy = memdup_user_nul(text, taken);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	done = mutex_lock_interruptible(&one_writer);
	if (!done) {
		done = carry_out_all(copy, cut(copy, taken, count));
		mutex_unlock(&one_writer);
	}
	kfree(copy);
	return done;
}
