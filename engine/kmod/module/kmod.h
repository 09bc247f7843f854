/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel module, as its files see it.
 *
 * Contexts. The switch probe runs under the runqueue's lock, the fork and exit probes
 * with preemption disabled, the look timer in hard interrupt context, all on PREEMPT_RT
 * too: so they allocate nothing, take raw locks only, and wake nobody. What cannot be
 * done there (signals, waking readers) is left to irq_work; memory comes from a pool
 * that a work item fills.
 *
 * Locks, in this order: runqueue > bucket > task > ring or pool > hrtimer base. None is
 * held while a signal is sent.
 *
 * Never early: se.sum_exec_runtime, which the scheduler books at switches and ticks and
 * from which steal is off already, is all that is ever charged. No clock of our own is
 * added to it; where it is stale, the scheduler is made to book (look_timer.c).
 */
#ifndef MAZE_KMOD_H
#define MAZE_KMOD_H

#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../../../core/record.h"
#include "../../../core/step.h"
#include "compat.h"

#undef pr_fmt
#define pr_fmt(fmt) "maze: " fmt

/* ---- watched tasks: tasks.c --------------------------------------------------------- */

/* 4096 chains: 10,000 watched tasks make them 2 or 3 long. */
#define MAZE_TASK_BITS 12
#define MAZE_CHAINS (1U << MAZE_TASK_BITS)

struct maze_task {
	struct hlist_node chain;
	struct task_struct *task; /* key; valid until its exit probe has run, then by RCU */
	raw_spinlock_t lock;	  /* all that follows, up to `refs` */
	struct maze_policy policy;
	struct maze_account account;
	u64 tag;
	u64 next_ns;	  /* CPU time from the last step to the next look; 0: none */
	u64 in_clock;	  /* local_clock() when it came to its CPU */
	u64 in_runtime;	  /* and its runtime then */
	bool switched_in; /* it came while it was watched; else in_clock is the first look's */
	u64 seen_clock;	  /* local_clock() at the first look before it began; 0: none was */
	u64 seen_runtime; /* and its books then, which may have been behind */
	u64 yield_ns;	  /* runtime at its last yield that did not switch; never too small */
	u64 left_clock;	  /* local_clock() when it fell into a sleep that is no reset; 0: none */
	u64 left_waited;  /* its run_delay then */
	/* Verdicts on their way to deliver.c. */
	struct irq_work work;
	struct llist_node handed;
	unsigned long carried; /* bit 0: it is on the courier's list */
	u32 pending;	       /* MAZE_FIRED_* */
	u32 cpu;
	struct maze_tally pending_tally;
	u32 stamp;	 /* of the request that watched it, or whom it inherits from, last */
	bool ended;	 /* out of the hash: nothing is done by it any more */
	refcount_t refs; /* the hash's, and one while a verdict is on its way */
	struct rcu_work free;
};

extern atomic_t maze_watched;

/* What is asked for a task. */
struct maze_wish {
	struct maze_policy policy;
	u64 tag;
	u64 mask;	/* only a watch whose tag agrees in these bits is replaced; 0: any */
	u32 flags;	/* of its WATCH record */
	u32 stamp;	/* of the request */
	bool may_sleep; /* memory may come from the allocator */
};

int tasks_init(void);
/* Ends all watches; while the exit probe is attached. */
void tasks_drop_all(void);
/* Frees all, when no probe and no file is left. */
void tasks_done(void);
/* Under RCU, or with preemption disabled. */
struct maze_task *tasks_find(const struct task_struct *task);
/*
 * Watches a task, or replaces its policy; count 0. 0 (also when it has this very policy
 * and tag under a mask: then it goes on counting), -EEXIST (not reached by the mask),
 * -ENOMEM, -ENOSPC (max_entries), -ESRCH (exiting).
 */
int tasks_watch(struct task_struct *task, const struct maze_wish *wish);
void tasks_put(struct maze_task *watched);
/*
 * Ends the watch, with a record of this event; UNWATCH: without a verdict that is on its
 * way. False: it was not watched.
 */
bool tasks_end(struct task_struct *task, enum maze_event event);
/* The same, only if this is its policy still. */
bool tasks_end_if(struct task_struct *task, enum maze_event event,
		  const struct maze_policy *policy);
/* Calls each() for every task of a chain, under RCU. */
void tasks_each(unsigned int chain, void (*each)(struct maze_task *watched, void *arg), void *arg);
size_t tasks_bytes(void);

/* ---- switch.c: from scheduler events to steps ---------------------------------------- */

int switch_attach(void);
/* Nobody is switched or inherits any more; who exits is still let go. */
void switch_stop(void);
/* After this, no probe runs any more. */
void switch_detach(void);
u64 switch_count(void);

/* ---- look_timer.c ----------------------------------------------------------------------- */

int look_timer_init(void);
void look_timer_done(void);
/* On this CPU, to look at the current or next task after it has run so long. */
void look_timer_arm(u64 delay_ns);
/* Makes every CPU look at what it runs: after watches have begun. May sleep. */
void look_timer_kick(void);
u64 look_timer_expiries(void);

/* ---- deliver.c: signals and records of verdicts ------------------------------------------- */

int deliver_start(void);
/* When no verdict can come up any more, and none is on its way. */
void deliver_stop(void);
/*
 * Steps the account and hands over what is due. With the task's lock held, on the CPU it
 * runs on. The sample's yield_ns is filled in.
 */
void judge(struct maze_task *watched, struct maze_sample *sample);
/* With its lock held: the watch ends, and with it what is on its way, which is recorded. */
void deliver_drop(struct maze_task *watched);
void deliver_init(struct maze_task *watched);
/* Before it is freed: waits until nothing touches it any more. May sleep. */
void deliver_done(struct maze_task *watched);
u64 deliver_verdicts(void);
u64 deliver_signals(void);

/* ---- yields.c -------------------------------------------------------------------------------- */

/* Says in the log, and in stats, when yields that do not switch cannot be seen. */
void yields_init(void);
void yields_done(void);
bool yields_are_seen(void);
/* Is it inside sched_yield(2)? For the current task. */
bool yields_now(struct task_struct *task);
/* Does it sleep in futex(2)? For the task that is switched out. */
bool waits_for_lock(struct task_struct *task);

/* ---- records.c ---------------------------------------------------------------------------------- */

int records_init(void);
void records_done(void);
/* Any context. The task may be NULL (LOST). boot_ns, seq and the task's facts are filled in. */
void records_write(const struct task_struct *task, const struct maze_record *facts);

struct records_cursor {
	u64 next[2];
	u64 lost;
};

void records_cursor_init(struct records_cursor *cursor, bool from_oldest);
/* True and the oldest not yet read, or a LOST. */
bool records_next(struct records_cursor *cursor, struct maze_record *ret_record);
bool records_ready(const struct records_cursor *cursor);
struct wait_queue_head *records_wait(void);
/* Readers that wait give up: the module goes. */
void records_hang_up(void);
/*
 * When no file can be polled any more: epolls forget the queue that they wait in. A grace
 * period has to pass before records_done(), for one that is about to leave it by itself.
 */
void records_let_go(void);
bool records_hung_up(void);
size_t records_bytes(void);
u64 records_count(void);

/* ---- control.c: writes ------------------------------------------------------------------------------ */

ssize_t control_write(const char __user *text, size_t count);
u64 control_inherit_failures(void);
void control_inherit_failed(void);

/* ---- the files --------------------------------------------------------------------------------------- */

struct proc_dir_entry;
int proc_entries_create(struct proc_dir_entry *dir);
int proc_list_create(struct proc_dir_entry *dir);
int proc_events_create(struct proc_dir_entry *dir);
int proc_stats_create(struct proc_dir_entry *dir);

extern unsigned int maze_max_entries;
/* CLOCK_BOOTTIME of the module's loading: which of several this one is. */
extern u64 maze_loaded_ns;

#endif
