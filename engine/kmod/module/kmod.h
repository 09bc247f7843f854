/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared declarations of the kernel module.
 *
 * The switch probe runs under the runqueue lock. The fork and exit probes run with
 * preemption disabled. The check timer runs in hard interrupt context, also on
 * PREEMPT_RT. So the probes and the timer take only raw locks and wake no tasks. They do
 * not allocate, except at a fork without PREEMPT_RT. irq_work starts the delivery of
 * verdicts and wakes readers. A work item fills the pool of entries (tasks.c).
 *
 * Locks are taken in this order: runqueue, chain, task, ring, pool or streaks, hrtimer
 * base. No lock is held while a signal is sent.
 *
 * No verdict is early, because only se.sum_exec_runtime is charged. The scheduler updates
 * this value at switches and ticks and has already subtracted steal time. If the value is
 * stale, the module does not add a clock of its own, but makes the scheduler update the
 * value (check_timer.c).
 */
#ifndef MAZE_KMOD_H
#define MAZE_KMOD_H

#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../../../core/allowance.h"
#include "../../../core/record.h"
#include "../../../core/streaks.h"
#include "compat.h"
#include "step.h"

#undef pr_fmt
#define pr_fmt(fmt) "maze: " fmt

/* ---- watched tasks: tasks.c ------------------------------------------------------ */

/* There are 4096 chains. With 10,000 watched tasks, a chain has 2 or 3 entries. */
#define MAZE_TASK_BITS 12
#define MAZE_CHAINS (1U << MAZE_TASK_BITS)

struct maze_task {
	struct hlist_node chain;
	struct task_struct *task; /* key of the hash; after its exit probe, valid only under RCU */
	raw_spinlock_t lock;	  /* protects policy to streak_counted, and pending to ended */
	struct maze_policy policy;
	struct maze_account account;
	u64 tag;
	u64 next_check_ns; /* CPU time from the last step to the next check; 0: none */
	u64 in_clock;	   /* local_clock() at its last switch-in, or at the first check */
	u64 in_runtime;	   /* runtime at in_clock */
	bool switched_in;  /* whether in_clock was read at a switch-in */
	u64 seen_clock;	   /* local_clock() at the first check before the account begins; 0: none */
	u64 seen_runtime;  /* runtime at seen_clock, which may be stale */
	u64 yield_ns;	   /* runtime at its last yield without a switch; never too small */
	u64 left_clock;	   /* local_clock() when a sleep began that resets nothing; 0: none */
	u64 left_waited;   /* run_delay at left_clock */
	u32 streak_class;  /* number of its class (streaks.c); 0: not observed */
	bool streak_counted; /* whether it had a streak in this class */
	/* Verdicts that deliver.c has not processed yet. */
	struct irq_work work;
	struct llist_node queue_node;
	unsigned long queued; /* bit 0: in the queue of the delivery kthread */
	u32 pending;	      /* MAZE_FIRED_* */
	u32 cpu;
	struct maze_tally pending_tally;
	u32 stamp;	 /* number of the last request to watch this task or its parent */
	bool ended;	 /* removed from the hash, so it causes no more verdicts */
	refcount_t refs; /* held by the hash and by a verdict that is being delivered */
	struct rcu_work free;
};

extern atomic_t maze_watched;

struct maze_watch_params {
	struct maze_policy policy;
	u64 tag;
	u64 mask;	  /* replace only a watch whose tag equals `tag` in these bits; 0: any */
	u32 flags;	  /* of the WATCH record */
	u32 stamp;	  /* number of the request */
	u32 streak_class; /* with MAZE_POLICY_OBSERVE */
	bool may_sleep;	  /* the caller may sleep in an allocation */
};

/* deliver() is called in an interrupt for each task with a verdict. */
int tasks_init(void (*deliver)(struct irq_work *work));
/* Ends all watches. The exit probe must still be attached. */
void tasks_drop_all(void);
/* Frees all entries. The probes must be detached and the files removed. */
void tasks_done(void);
/* The caller holds rcu_read_lock() or has disabled preemption. */
struct maze_task *tasks_find(const struct task_struct *task);
/*
 * Watches a task or replaces its policy, and sets its count to 0. But if params->mask is
 * set and the task has this policy and tag already, its count stays. Errors: -EEXIST (the
 * mask does not cover the watch), -ENOMEM, -ENOSPC (max_entries), -ESRCH (exiting).
 */
int tasks_watch(struct task_struct *task, const struct maze_watch_params *params);
void tasks_put(struct maze_task *watched);
/*
 * Ends the watch and records the event. UNWATCH also discards a verdict that is not
 * delivered yet, and records it as not sent. Returns false if the task was not watched.
 */
bool tasks_end(struct task_struct *task, enum maze_event event);
/* Like tasks_end(), but only if the task still has this policy; NULL: any policy. */
bool tasks_end_if(struct task_struct *task, enum maze_event event,
		  const struct maze_policy *policy);
/* Calls each() for every task of a chain, under RCU. */
void tasks_each(unsigned int chain, void (*each)(struct maze_task *watched, void *arg), void *arg);
size_t tasks_bytes(void);

/* ---- switch.c: from scheduler events to steps ------------------------------------ */

int switch_attach(void);
/* Detaches the switch and fork probes. The exit probe stays and still ends watches. */
void switch_stop(void);
/* No probe runs after this returns. */
void switch_detach(void);
u64 switch_count(void);

/* ---- check_timer.c --------------------------------------------------------------- */

int check_timer_init(void);
void check_timer_done(void);
/* Arms the timer of this CPU, which checks the task that runs there after the delay. */
void check_timer_arm(u64 delay_ns);
/* Arms the timers of all CPUs for newly watched tasks that run already. May sleep. */
void check_timer_arm_all(void);
u64 check_timer_expiries(void);

/* ---- deliver.c: signals and records of verdicts ---------------------------------- */

int deliver_start(void);
/* Delivers the queued verdicts and ends the kthread. The probes must be detached. */
void deliver_stop(void);
/* Sends signals and writes records for the struct maze_task that contains this work. */
void deliver_verdict(struct irq_work *work);
/*
 * Sets sample->yield_ns, steps the account, and queues the verdicts that are due. The
 * caller holds the task's lock and runs on the task's CPU.
 */
void judge(struct maze_task *watched, struct maze_sample *sample);

/* ---- streaks.c ------------------------------------------------------------------- */

/* Allocates the table of classes, if it is not there yet. May sleep. */
int streaks_init(void);
/* The probes must be detached and the files removed. */
void streaks_done(void);
size_t streaks_bytes(void);
/* Returns the number of the task's class, which is not 0. May sleep. */
u32 streaks_class_of(struct task_struct *task, u64 tag);
/* The caller holds the task's lock. */
void streaks_set_class(struct maze_task *watched, u32 number);
/* The task has executed this file. Called in process context, under RCU. */
void streaks_exec(struct maze_task *watched, const struct file *file);
/* Frees the classes with this tag, which no watch has. NULL: all, and there is no watch. */
void streaks_forget(const u64 *tag);
/*
 * Adds a streak that has ended (0: none), and the CPU time of the ended episodes. The
 * task is observed. The caller holds its lock and has disabled interrupts.
 */
void streaks_add(struct maze_task *watched, u64 streak_ns, u64 spent_ns);
/* Fills an array of MAZE_STREAK_CLASSES zeros. Returns how many are used. May sleep. */
u32 streaks_copy(struct maze_streaks *ret_classes);

/* ---- allow.c: how many hard verdicts of a tag are enforced ------------------------- */

/* Whether a verdict is enforced. Called once for each verdict, in any context. */
bool allow_permits(const struct task_struct *task, u64 tag, const struct maze_policy *policy,
		   bool hard);
/* As allow() of engine.h. May sleep. Errors: -EINVAL, -ENOMEM, -E2BIG. */
int allow_set(u64 tag, const struct maze_allowance *allowance);
void allow_remove(u64 tag);
/* No verdict is delivered any more. */
void allow_remove_all(void);

/* ---- yields.c -------------------------------------------------------------------- */

/* Attaches the kprobe, or logs a warning that yields without a switch are not detected. */
void yields_init(void);
void yields_done(void);
bool yields_are_seen(void);
/* Whether the current task is inside sched_yield(2). */
bool yields_now(struct task_struct *task);
/* Whether the task that is being switched out sleeps in futex(2). */
bool waits_for_lock(struct task_struct *task);

/* ---- records.c ------------------------------------------------------------------- */

int records_init(void);
void records_done(void);
/* Returns the ID of the task's control group; 0: unknown. */
u64 records_cgroup_of(const struct task_struct *task);
/*
 * Writes a record. May be called in any context. Adds boot_ns, seq and the fields of the
 * task to the facts. For a LOST record, task is NULL.
 */
void records_write(const struct task_struct *task, const struct maze_record *facts);
/* Returns a record that has only the facts which the policy and the tally contain. */
struct maze_record records_of_verdict(const struct maze_policy *policy,
				      const struct maze_tally *tally, bool hard);

struct records_cursor {
	u64 next[2];
	u64 lost;
};

void records_cursor_init(struct records_cursor *cursor, bool from_oldest);
/* Returns true and the oldest unread record or a LOST record, or false if there is none. */
bool records_next(struct records_cursor *cursor, struct maze_record *ret_record);
bool records_ready(const struct records_cursor *cursor);
struct wait_queue_head *records_wait(void);
/* Makes waiting readers return, because the module is being unloaded. */
void records_hang_up(void);
/*
 * Removes epoll instances from the wait queue. The caller has removed the file, so none
 * is added later. An RCU grace period must pass before records_done(), because a poller
 * may still be removing itself.
 */
void records_detach_pollers(void);
bool records_hung_up(void);
size_t records_bytes(void);
u64 records_count(void);
u64 records_verdicts(void);
u64 records_signals(void);

/* ---- control.c: writes ----------------------------------------------------------- */

ssize_t control_write(const char __user *text, size_t count);
u64 control_inherit_failures(void);
void control_inherit_failed(void);

/* ---- the files ------------------------------------------------------------------- */

struct proc_dir_entry;
int proc_entries_create(struct proc_dir_entry *dir);
int proc_list_create(struct proc_dir_entry *dir);
int proc_events_create(struct proc_dir_entry *dir);
int proc_stats_create(struct proc_dir_entry *dir);
int proc_streaks_create(struct proc_dir_entry *dir);

extern unsigned int maze_max_entries;
/* CLOCK_BOOTTIME at load, which distinguishes this load of the module from others. */
extern u64 maze_loaded_ns;

#endif
