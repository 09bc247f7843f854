/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernels differ: each entry says in which range which form is right. No other
 * file of the module asks for a version.
 */
#ifndef MAZE_KMOD_COMPAT_H
#define MAZE_KMOD_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/version.h>

/* sched_switch passes the previous state from 5.18 on, behind `next`. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
#error "maze needs Linux 5.18 or later"
#endif

/* sched_process_exit has an argument more from 6.16 on. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define COMPAT_EXIT_ARGS void *data, struct task_struct *task, bool group_dead
#else
#define COMPAT_EXIT_ARGS void *data, struct task_struct *task
#endif

/* hrtimer_setup() came with 6.13, and hrtimer_init() went with 6.15. */
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

/* Threads that vhost makes of a process's own, from 6.4 on; io_uring's are among them. */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER PF_IO_WORKER
#endif

/* A task that waits for a lock that only PREEMPT_RT makes a sleeping one; 5.15 on. */
#ifndef TASK_RTLOCK_WAIT
#define TASK_RTLOCK_WAIT 0
#endif

#endif
