/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handles the differences between kernel versions. No other file of the module tests for
 * a version.
 */
#ifndef MAZE_KMOD_COMPAT_H
#define MAZE_KMOD_COMPAT_H

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/version.h>

/* From 5.18 on, the tracepoint sched_switch passes the state of `prev` after `next`. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
#error "maze needs Linux 5.18 or later"
#endif

/* From 6.16 on, sched_process_exit has one more argument. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define COMPAT_EXIT_ARGS void *data, struct task_struct *task, bool group_dead
#else
#define COMPAT_EXIT_ARGS void *data, struct task_struct *task
#endif

/* 6.13 added hrtimer_setup(), and 6.15 removed hrtimer_init(). */
static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*function)(struct hrtimer *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer->function = function;
#endif
}

/*
 * From 6.7 on, get_file_rcu() takes the address of the pointer, because a struct file may be
 * reused within a grace period. The caller holds rcu_read_lock().
 */
static inline struct file *compat_get_file_rcu(struct file __rcu **pointer)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return get_file_rcu(pointer);
#else
	struct file *file = rcu_dereference(*pointer);

	return file && get_file_rcu(file) ? file : NULL;
#endif
}

/* From 6.4 on, worker threads of vhost and io_uring in a user process have this flag. */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER PF_IO_WORKER
#endif

/* From 5.15 on, a task in this state waits for a lock that spins without PREEMPT_RT. */
#ifndef TASK_RTLOCK_WAIT
#define TASK_RTLOCK_WAIT 0
#endif

#endif
