/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared declarations of the poll engine, which loads nothing into the kernel. It reads
 * the CPU time and the number of sleeps of each watched thread from /proc and steps the
 * account with core/step.h, as every engine does.
 *
 * A CPU-time timer triggers the checks. It runs on the CPU clock of the watched process
 * (timer_create(2) needs no privilege) and fires when the process has used a few ms of
 * CPU since the last check. So the cost is proportional to the CPU time that is watched,
 * and a sleeping process costs nothing. The kernel fires such a timer only when the
 * process returns to user mode, so the worker also reads the CPU clock of each process at
 * longer intervals (the backstop).
 *
 * No verdict is early. The engine charges only runtime that the scheduler has accounted,
 * and this value lags by up to a tick. Runtime and sleeps cannot be read together, so the
 * engine reads them in an order that can make a verdict late but not early (check.c).
 *
 * Each engine has a worker thread, which enforces the limits also while the caller is
 * blocked. The lock of the engine protects all its state.
 */
#ifndef MAZE_ENGINE_POLL_H
#define MAZE_ENGINE_POLL_H

#include <pthread.h>
#include <time.h>

#include "../../core/delivery.h"
#include "../../core/step.h"
#include "../engine.h"
#include "../../base/error.h"
#include "../record_log.h"
#include "../../base/proc_files.h"
#include "pace.h"
#include "../../base/clock.h"

/* These values are the same as in the bpf engine. */
#define POLL_LOG_LEN 4096
#define POLL_READERS_MAX 32
/* Number of buckets in the hash of processes by PID; a power of two. */
#define POLL_CHAINS 256
#define POLL_NEVER (~0ULL)
/* An observed thread without a limit is checked as often as for this one. */
#define POLL_OBSERVED_AS_NS MAZE_NSEC_PER_SEC
/* CPU time until the next check of an exempt process, see maze_spare_program(). */
#define POLL_SPARED_NS (4 * MAZE_NSEC_PER_MSEC)
/* A child of a process with more groups misses the others. */
#define INHERITED_GROUPS_MAX 8

struct poll_thread {
	struct poll_thread *next;
	struct maze_policy policy;
	struct maze_account account;
	maze_u64 tag;
	maze_u64 next_ns;	   /* CPU time from account.runtime_ns to the next stage; 0: none */
	struct thread_times times; /* at the last check */
	maze_u64 sleeps;	   /* number of voluntary switches at their last read */
	maze_u64 sleeps_read_ns;   /* runtime at the last read of sleeps */
	maze_u64 unbroken_ns;	   /* runtime until which no sleep occurred after that read */
	maze_u64 arrivals;	   /* number of times it got a CPU, up to unbroken_ns */
	maze_u64 sampled_ns;	   /* CLOCK_MONOTONIC when `times` was read */
	maze_u64 ran_ns;	   /* CLOCK_MONOTONIC of the last check that found it had run */
	maze_u64 first_ns;	   /* elapsed_ns() when the watch began, for a finite recovery */
	struct thread_times first; /* times when the watch began */
	maze_u64 forgiven_ns;	   /* sleep since first_ns that recovery has used */
	maze_u32 uid;
	pid_t tid;
	int times_fd, status_fd; /* -1: not kept open */
	bool seen;		 /* found in the current listing of threads */
	bool gone;
	bool ignored; /* its watch has ended, but its process is watched as a whole */
	char comm[MAZE_COMM_LEN];
};

struct poll_process {
	struct poll_process *next; /* in its chain */
	struct poll_thread *threads;
	struct poll_member *memberships; /* group.h */
	/*
	 * It has ended, and is kept for the group of a tree until its parent reaps it. It is
	 * a parent of no new process.
	 */
	bool ended;
	/* If `whole`, new threads and children inherit this policy and tag. */
	bool whole;
	struct maze_policy policy;
	maze_u64 tag;
	pid_t pid;
	int pidfd;
	int dir; /* /proc/PID */
	bool has_timer;
	timer_t timer;
	clockid_t clock;
	maze_u64 checked_ns; /* CLOCK_MONOTONIC of the last check */
	/* Expiry of its timer, on its CPU clock, for its threads and groups. */
	maze_u64 timer_ns, group_timer_ns;
	maze_u64 cpu_ns;     /* CPU time of the whole process at the last check */
	maze_u64 limit_ns;   /* the lowest limit of its threads */
	maze_u64 left_ns;    /* CPU time until the next stage of any thread; POLL_NEVER: none */
	maze_u64 check_at;   /* CLOCK_MONOTONIC of the next check; POLL_NEVER: none planned */
	unsigned long links; /* link count of /proc/PID/task, 2 + number of threads */
	bool relist;	     /* its threads must be listed again */
	bool unsettled;	     /* a thread has run since its sleeps were read */
	bool acted;	     /* the last check had a verdict */
	bool keeps_files;
};

/* The allowance of a tag (core/allowance.h). */
struct poll_allowance {
	maze_u64 tag;
	struct maze_allowance allowance;
};

/* Event data of the worker's epoll. Any other value is the PID of a watched process. */
#define POLL_EVENT_WAKE (1ULL << 32)
#define POLL_EVENT_CLOCK (2ULL << 32)
#define POLL_EVENT_TIMERS (3ULL << 32)
#define POLL_EVENT_FORKS (4ULL << 32)
#define POLL_EVENT_CGROUPS (5ULL << 32)

struct child_tracker; /* children.h */

struct engine {
	pthread_mutex_t lock;
	pthread_t worker;
	bool has_worker;
	bool stop;
	pid_t worker_tid;
	int epoll_fd;
	int wake_fd;   /* eventfd that makes the worker plan again */
	int clock_fd;  /* timerfd of the next check, search or backstop */
	int signal_fd; /* signalfd of the CPU-time timers */
	struct poll_process *chains[POLL_CHAINS];
	maze_u32 processes;
	maze_u32 open_fds; /* number of files of threads that are kept open */
	struct child_tracker *child_tracker;
	maze_u64 tightest_ns; /* the lowest limit of any watch, POLL_NEVER: none */
	maze_u64 backstop_at;
	maze_u64 clock_at; /* expiry of clock_fd */
	maze_u32 stretch;  /* factor of the check interval (pace.h) */
	bool crowded;	   /* the watched processes together use more than half a CPU */
	maze_u64 busy_ns;  /* CPU time of watched processes since budget_wall_ns */
	maze_u64 budget_wall_ns, budget_cpu_ns;
	maze_u64 round_cpu_ns; /* the worker's CPU time at the end of the last round */
	maze_u64 children_ns;  /* its CPU time for children in this round */
	bool has_checked;      /* a process or a group was checked in this round */
	struct maze_record *slots[RECORD_LOGS];
	maze_u64 heads[RECORD_LOGS];
	int reader_fds[POLL_READERS_MAX]; /* eventfds that wake readers, -1: free */
	struct maze_counts counts;
	bool spares; /* processes that run the program file of this process are not judged */
	struct poll_allowance *allowances;
	size_t allowance_count;
	struct poll_group *groups;
	maze_u64 group_ids;			 /* of the newest group */
	maze_u64 cpus, cpus_read_ns;		 /* poll_cpus() */
	maze_u64 group_drops;			 /* number of groups that have ended */
	struct children_time_bpf *children_time; /* NULL: /proc has it, in clock ticks */
	bool has_tried_children_time;
	maze_u32 open_groups;	/* trees and control groups, which get new members */
	int inotify_fd;		/* -1: no control group is watched */
	maze_u64 adopt_into_id; /* tree of orphans that become children of this process */
	bool adopts;		/* watch orphans that become children of this process */
	struct maze_policy adopt_policy;
	maze_u64 adopt_tag;
	struct maze_streaks *classes; /* NULL: no streak yet */
	maze_u32 class_count;
};

/* ---- records.c: the logs and their readers --------------------------------------- */

int poll_records_init(struct engine *engine);
void poll_records_done(struct engine *engine);
/* Writes a record of the facts, the time and the thread. The thread may be NULL. */
void poll_record(struct engine *engine, const struct poll_process *process,
		 const struct poll_thread *thread, const struct maze_record *facts);
/*
 * Records that a child or new thread could not be watched. The facts are its tag, pid,
 * tid, uid and comm.
 */
void poll_lost(struct engine *engine, const struct maze_record *facts);
int poll_reader_open(struct engine *engine, bool from_oldest, struct engine_reader **ret_reader,
		     struct maze_error *error);
int poll_reader_fd(struct engine_reader *reader);
int poll_reader_next(struct engine_reader *reader, struct maze_record *ret_record);
void poll_reader_close(struct engine_reader *reader);

/* ---- processes.c: watched processes and threads ---------------------------------- */

struct poll_process *poll_find(const struct engine *engine, pid_t pid);
/* Whether nothing is watched in it. */
static inline bool poll_process_is_unused(const struct poll_process *process)
{
	return !process->threads && !process->whole && !process->memberships;
}
/*
 * Adds a process without a watch, and duplicates the pidfd. On failure returns NULL and
 * sets *ret_err: -ESRCH (the process has ended), -EAGAIN (RLIMIT_SIGPENDING permits no
 * more timers), -EMFILE or another error. A zombie is added only if `zombie` is set.
 */
struct poll_process *poll_process_new(struct engine *engine, int pidfd, pid_t pid, bool zombie,
				      int *ret_err);
/* Removes the process without a record. */
void poll_process_drop(struct engine *engine, struct poll_process *process);
bool poll_process_has_ended(const struct poll_process *process);
/*
 * Records the exit of the threads of an ended process, and removes the process, unless a
 * tree still needs it.
 */
void poll_process_ended(struct engine *engine, struct poll_process *process);
/* Does that if the process with this number is watched and has ended. */
void poll_notice_end(struct engine *engine, pid_t pid);
/*
 * Watches one thread from now on. `flags` are those of the WATCH record. With
 * MAZE_RECORD_INHERITED, a thread that has never slept is watched from its start. Errors:
 * -ESRCH, -ENOMEM, -EPERM (a kernel thread).
 */
int poll_thread_watch(struct engine *engine, struct poll_process *process, pid_t tid,
		      const struct maze_policy *policy, maze_u64 tag, maze_u32 flags);
/* Ends the watch and records the event. */
void poll_thread_end(struct engine *engine, struct poll_process *process,
		     struct poll_thread *thread, enum maze_event event);
/* Ends the watch, but keeps the entry, so that no listing watches the thread again. */
void poll_thread_ignore(struct engine *engine, struct poll_process *process,
			struct poll_thread *thread);
/* Ends the watches of exited threads, and watches new threads. */
void poll_threads_list(struct engine *engine, struct poll_process *process);
/* Does that for all processes. */
void poll_processes_notice_ends(struct engine *engine);
struct poll_thread *poll_thread_find(const struct poll_process *process, pid_t tid);

/* ---- sample.c: the runtime and sleeps of a thread -------------------------------- */

/* Begins the account of a thread whose policy and tag are set. -ESRCH: it has ended. */
int poll_sample_begin(struct poll_process *process, struct poll_thread *thread, bool inherited);
int poll_sample_times(struct engine *engine, const struct poll_process *process,
		      struct poll_thread *thread, struct thread_times *ret_times);
int poll_sample_status(struct engine *engine, const struct poll_process *process,
		       struct poll_thread *thread, struct thread_status *ret_status);
/* Returns how long the thread slept since the last call, for a finite recovery. */
maze_u64 poll_sample_asleep_ns(struct poll_thread *thread, const struct thread_times *times);
/* Reads the last sample of an ended thread that its parent has not reaped yet. */
void poll_sample_last(const struct poll_process *process, struct poll_thread *thread);
/* Closes the files of the thread that are kept open. */
void poll_sample_close(struct engine *engine, struct poll_thread *thread);
/* Returns the count as of the last sample. */
maze_u64 poll_count(const struct poll_thread *thread);

/* ---- streaks.c: streaks of observed threads --------------------------------------- */

void poll_streaks_done(struct engine *engine);
/* If the thread is observed, adds `number` streaks, and CPU time of ended episodes. */
void poll_streaks_add(struct engine *engine, const struct poll_process *process,
		      struct poll_thread *thread, maze_u64 streak_ns, maze_u64 number,
		      maze_u64 spent_ns);
int poll_streaks(struct engine *engine, int (*each)(const struct maze_streaks *streaks, void *arg),
		 void *arg, struct maze_error *error);

/* ---- check.c: from samples to verdicts ------------------------------------------- */

/* Checks all threads, executes the verdicts, and plans the next check. */
void poll_check(struct engine *engine, struct poll_process *process);
/*
 * Checks as poll_check() does if a thread has run since the last check or since its
 * sleeps were read. Otherwise only plans the next check.
 */
void poll_check_if_ran(struct engine *engine, struct poll_process *process);
/*
 * What a record says of a verdict, whether of a thread or of a group. After the delivery,
 * `err` is 0 or the kernel's -errno, and the counts of the engine have the verdict.
 */
struct maze_record poll_verdict_facts(const struct maze_policy *policy,
				      const struct maze_verdict *verdict, bool hard);
void poll_verdict_delivered(struct engine *engine, struct maze_record *facts,
			    struct maze_delivery *delivery, int err);
/* True if the policy has an owner and the real, effective or saved UID differs. */
bool poll_owner_differs(const struct poll_process *process, pid_t tid,
			const struct maze_policy *policy);
/* Sets the timer to the earlier one of timer_ns and group_timer_ns. */
void poll_timer_set(struct poll_process *process);

/* ---- deliver.c: signals ---------------------------------------------------------- */

/* Returns 0 if the kernel has accepted the signal, else -errno. */
int poll_deliver(const struct poll_process *process, const struct poll_thread *thread, int signal);

/* ---- child_tracker.c: children of watched processes ------------------------------ */

int poll_child_tracker_init(struct engine *engine);
void poll_child_tracker_done(struct engine *engine);
/* Begins to follow forks, at the first watch. */
int poll_child_tracker_start(struct engine *engine);
/* Whether the kernel reports forks. Otherwise the engine searches for children. */
bool poll_child_tracker_has_events(const struct engine *engine);
/* Makes forks wake the worker only if threads are watched or groups need it. */
void poll_child_tracker_mute(struct engine *engine);
/* Opens children that were deferred until the next check of a group. */
void poll_child_tracker_open_deferred(struct engine *engine);
/* Reads pending fork events. */
void poll_child_tracker_take(struct engine *engine);
/* Watches all children that were started before the call. Any thread may call this. */
void poll_child_tracker_catch_up(struct engine *engine);
/*
 * Searches for children if that is due. Returns the time of the next search or
 * POLL_NEVER.
 */
maze_u64 poll_child_tracker_search(struct engine *engine, maze_u64 now);
/* Whether this process may receive fork events. */
bool poll_fork_events_permitted(void);

/* ---- group*.c: groups (group.h) ------------------------------------------------------ */

/* The groups that a child of a process becomes a member of, by ID, ended by 0. */
struct inherited_groups {
	maze_u64 ids[INHERITED_GROUPS_MAX + 1];
};
/* False: none. */
bool poll_groups_inherited(struct poll_process *parent, struct inherited_groups *ret_groups);
void poll_groups_join(struct engine *engine, const struct inherited_groups *groups,
		      struct poll_process *child, pid_t ppid);
/* The process has ended, and may still be needed by a tree, as a zombie. */
void poll_groups_process_ended(struct engine *engine, struct poll_process *process);
/* A child could not become a member. */
void poll_groups_miss(struct engine *engine, const struct inherited_groups *groups);
/* Plans a check of these groups soon, because a child is about to become a member. */
void poll_groups_expect(struct engine *engine, const struct inherited_groups *groups);
/* Whether a fork must wake the worker: a group that gets members has no check planned. */
bool poll_groups_need_forks(const struct engine *engine);
void poll_groups_forget(struct poll_process *process);
/* The timer of the process has fired, so its groups are due. */
void poll_groups_timer(const struct poll_process *process);
/* Checks the groups that are due. Returns the time of the next check or POLL_NEVER. */
maze_u64 poll_groups_check_when_due(struct engine *engine, maze_u64 now);
void poll_groups_done(struct engine *engine);
void poll_groups_unwatch_all(struct engine *engine, const struct engine_claim *claim);
/* Reads inotify events: a control group is empty, has processes again, or is removed. */
void poll_groups_take_events(struct engine *engine);

/* ---- worker.c -------------------------------------------------------------------- */

int poll_worker_start(struct engine *engine, struct maze_error *error);
void poll_worker_stop(struct engine *engine);
/* Makes the worker plan again after a change of the state. The caller holds the lock. */
void poll_worker_wake(struct engine *engine);

/* Whether a request may change a watch with this tag. */
static inline bool poll_claim_reaches(const struct engine_claim *claim, maze_u64 tag)
{
	return !((tag ^ claim->tag) & claim->mask);
}

/* ---- control.c ------------------------------------------------------------------- */

int poll_watch(struct engine *engine, const struct engine_target *target,
	       const struct maze_policy *policy, const struct engine_claim *claim,
	       struct maze_error *error);
int poll_allow(struct engine *engine, maze_u64 tag, const struct maze_allowance *allowance,
	       struct maze_error *error);
/*
 * Whether a verdict is enforced. id: the PID, or the ID of a watched control group. dir:
 * /proc/PID, or -1. The caller holds the lock.
 */
bool poll_permits(const struct engine *engine, maze_u64 tag, const struct maze_policy *policy,
		  bool hard, maze_u64 id, int dir);
int poll_unwatch(struct engine *engine, const struct engine_target *target,
		 const struct engine_claim *claim, struct maze_error *error);
int poll_unwatch_all(struct engine *engine, const struct engine_claim *claim,
		     struct maze_error *error);
int poll_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	      void *arg, struct maze_error *error);
int poll_counts(struct engine *engine, struct maze_counts *ret_counts);
int poll_adopt(struct engine *engine, const struct maze_policy *policy, maze_u64 tag);

#endif
