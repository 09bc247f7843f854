// SPDX-License-Identifier: GPL-2.0-only
/*
 * Executes the lines written to /proc/maze/entries in order, until one fails. The lines
 * before the failed one stay in effect, and write(2) returns their length.
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

/* Maximum number of bytes that one write(2) processes. The caller must write the rest. */
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

/* Finds a task by its PID in the writer's PID namespace, and takes a reference to it. */
static struct task_struct *find_task(u32 nr)
{
	struct pid *pid = find_get_pid(nr);
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

/* Threads of a process that the current request has not watched yet. */
struct batch {
	struct task_struct *leader;
	u64 latest_start_ns; /* CLOCK_BOOTTIME; threads that started later are not included */
	unsigned int count;
	/* The array is on the stack, so one walk of the threads takes at most 32. */
	struct task_struct *threads[32];
};

static bool is_left(const struct batch *batch, const struct task_struct *thread)
{
	const struct maze_task *watched = tasks_find(thread);

	if (READ_ONCE(thread->flags) & (PF_EXITING | PF_IO_WORKER | PF_USER_WORKER))
		return false;
	if (watched && watched->stamp == stamp)
		return false;
	return thread->start_boottime <= batch->latest_start_ns;
}

/* Fills the batch and takes references. Returns false if no thread is left. */
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

/* Repeats the watch if the task has executed another program meanwhile. */
static int watch_task(struct task_struct *task, const struct maze_watch_params *params)
{
	bool observes = params->policy.flags & MAZE_POLICY_OBSERVE;
	struct maze_watch_params own = *params;
	u64 exec_id;
	int err;

	do {
		exec_id = READ_ONCE(task->self_exec_id);
		if (observes)
			own.streak_class = streaks_class_of(task, own.tag);
		err = tasks_watch(task, &own);
	} while (!err && observes && READ_ONCE(task->self_exec_id) != exec_id);
	return err;
}

static int watch_batch(const struct batch *batch, const struct maze_watch_params *params,
		       u64 *ret_done, u64 *ret_left)
{
	unsigned int i;
	int err, failed = 0;

	for (i = 0; i < batch->count; i++) {
		err = failed ? failed : watch_task(batch->threads[i], params);
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
 * Watches all threads. With inheritance, a new thread of a watched thread inherits the
 * watch and the stamp, so the loop skips it. If unwatched threads start new threads
 * faster than the loop watches them, the loop ends with -EAGAIN. It also ends when the
 * writer receives a fatal signal.
 */
static int watch_process(struct task_struct *leader, const struct maze_watch_params *params)
{
	bool inherits = params->policy.flags & MAZE_POLICY_INHERIT;
	struct batch batch = {
		.leader = leader,
		.latest_start_ns = inherits ? U64_MAX : ktime_get_boottime_ns(),
	};
	u64 done = 0, left = 0, tried = 0;
	int err;

	while (next_batch(&batch)) {
		err = watch_batch(&batch, params, &done, &left);
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
	struct maze_watch_params params = {
		.policy = order->policy,
		.tag = order->tag,
		.mask = order->mask,
		.may_sleep = true,
	};
	int err = refuse(task);

	if (!err && order->policy.flags & MAZE_POLICY_OBSERVE)
		err = streaks_init();
	if (err)
		return err;
	params.stamp = ++stamp;
	if (order->thread)
		err = watch_task(task, &params);
	else
		err = watch_process(task, &params);
	/*
	 * Arm the timers, because a running task may run for a long time without a
	 * switch. Do this after most errors too, because some threads may be watched
	 * already.
	 */
	if (err != -ESRCH && err != -EEXIST)
		check_timer_arm_all();
	return err;
}

static bool reaches(const struct grammar_order *order, const struct maze_task *watched)
{
	return !((READ_ONCE(watched->tag) ^ order->tag) & order->mask);
}

/* The caller holds rcu_read_lock(). */
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
	if (order->mask == ~0ULL)
		streaks_forget(&order->tag);
}

/*
 * Compares the order's start time with the one that the writer reads in /proc/PID/stat.
 * This file shows the start time of the leader in clock ticks, in the time namespace of
 * its reader.
 */
static bool start_differs(const struct task_struct *task, const struct grammar_order *order)
{
	u64 start_ns = 0;
	bool alive;

	if (!order->start_ticks)
		return false;
	/* The leader pointer of a reaped task may be stale, so test pid_alive() first. */
	rcu_read_lock();
	alive = pid_alive(task);
	if (alive)
		start_ns = READ_ONCE(task->group_leader)->start_boottime;
	rcu_read_unlock();
	start_ns = timens_add_boottime_ns(start_ns);
	return !alive || order->start_ticks != div_u64(start_ns, NSEC_PER_SEC / USER_HZ);
}

static int allow(const struct grammar_order *order)
{
	struct maze_allowance allowance = {
		.window_ns = order->window_ns,
		.max = order->max,
		.tripped = order->tripped,
		.by_cgroup = order->by_cgroup,
		.anew = order->anew,
	};

	return allow_set(order->tag, &allowance);
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
		streaks_forget(NULL);
		return 0;
	}
	if (order->kind == GRAMMAR_ALLOW)
		return allow(order);
	if (order->kind == GRAMMAR_END_ALLOW) {
		allow_remove(order->tag);
		return 0;
	}
	task = find_task(order->pid);
	if (!task)
		return -ESRCH;
	/* Without the word `thread`, the PID must be that of a process. */
	if (start_differs(task, order))
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

/* Returns the number of bytes processed, or an error if the first line fails. */
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

/* Returns the length of the whole lines if the write is longer than `taken`, else `taken`. */
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
