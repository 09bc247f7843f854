/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared declarations of the poll engine, which loads nothing into the kernel. It reads
 * the CPU time and the number of sleeps of each watched thread from /proc and steps the
 * account with core/step.h, as every engine does.
 *
 * A CPU-time timer triggers the checks. It runs on the clock of the watched process
 * (timer_create(2), without privilege) and fires when the process has used a few ms of
 * CPU since the last check. So the cost is proportional to the CPU time that is watched,
 * and a sleeping process costs nothing. The kernel fires such a timer only when the
 * process returns to user mode, so a slow backstop also checks the clock of each process.
 *
 * Never early: only runtime that the scheduler has accounted is charged; it lags by up to a
 * tick. Runtime and sleeps cannot be read together, so they are read in an order that errs
 * to the late side (check.c).
 *
 * A worker thread per engine enforces the limits, also while the caller is blocked. The
 * lock protects all state.
 */
#ifndef MAZE_ENGINE_POLL_H
#define MAZE_ENGINE_POLL_H

#include <pthread.h>
#include <time.h>

#include "../../core/step.h"
#include "../engine.h"
#include "../../base/error.h"
#include "../record_log.h"
#include "../../base/proc_files.h"
#include "pace.h"
#include "../../base/clock.h"

/* The same as in the bpf engine. */
#define POLL_LOG_LEN 4096
#define POLL_READERS_MAX 32
/* Buckets of the hash of processes by PID; a power of two. */
#define POLL_CHAINS 256
#define POLL_NEVER (~0ULL)

struct poll_thread {
	struct poll_thread *next;
	struct maze_policy policy;
	struct maze_account account;
	maze_u64 tag;
	maze_u64 next_ns;	   /* CPU time from account.runtime_ns to the next stage; 0: none */
	struct thread_times times; /* at the last check */
	maze_u64 sleeps;	   /* voluntary switches when they were last read */
	maze_u64 sleeps_read_ns;   /* its runtime at that time */
	maze_u64 unbroken_ns;	   /* the runtime until which it has not slept since */
	maze_u64 arrivals;	   /* number of times it got a CPU, up to unbroken_ns */
	maze_u64 sampled_ns;	   /* CLOCK_MONOTONIC of `times` */
	maze_u64 ran_ns;	   /* CLOCK_MONOTONIC of the last check that found it had run */
	maze_u64 first_ns;	   /* elapsed_ns() when the watch began, for a finite recovery */
	struct thread_times first; /* its times when the watch began */
	maze_u64 forgiven_ns;	   /* sleep since then that recovery has used */
	maze_u32 uid;
	pid_t tid;
	int times_fd, status_fd; /* -1: not kept open */
	bool seen;		 /* found in the current listing of threads */
	bool gone;
	bool ignored; /* unwatched alone, in a process that is watched as a whole */
	char comm[MAZE_COMM_LEN];
};

struct poll_process {
	struct poll_process *next; /* in its chain */
	struct poll_thread *threads;
	/* Watched as a whole: new threads and children inherit this policy and tag. */
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
	maze_u64 timer_ns;   /* expiry of its timer, in its CPU time */
	maze_u64 cpu_ns;     /* of the whole process, at the last check */
	maze_u64 limit_ns;   /* the lowest of its threads */
	maze_u64 left_ns;    /* CPU time until the next stage of any thread; POLL_NEVER: none */
	maze_u64 check_at;   /* CLOCK_MONOTONIC of the next check; POLL_NEVER: by the timer */
	unsigned long links; /* of its directory of threads: 2 + number of threads */
	bool relist;	     /* its threads must be listed again */
	bool unsettled;	     /* a thread has run since its sleeps were read */
	bool acted;	     /* the last check had a verdict */
	bool keeps_files;
};

/* Event data of the worker's epoll; other values are the PID of a pidfd. */
#define POLL_EVENT_WAKE (1ULL << 32)
#define POLL_EVENT_CLOCK (2ULL << 32)
#define POLL_EVENT_TIMERS (3ULL << 32)
#define POLL_EVENT_FORKS (4ULL << 32)

struct child_tracker; /* children.h */

struct engine {
	pthread_mutex_t lock;
	pthread_t worker;
	bool has_worker;
	bool stop;
	pid_t worker_tid;
	int epoll_fd;
	int wake_fd;   /* eventfd: the state has changed, plan again */
	int clock_fd;  /* timerfd of the next check, search or backstop */
	int signal_fd; /* signalfd of the CPU-time timers */
	struct poll_process *chains[POLL_CHAINS];
	maze_u32 processes;
	maze_u32 open_fds; /* of threads, kept open */
	struct child_tracker *child_tracker;
	maze_u64 tightest_ns; /* the lowest limit of any watch, POLL_NEVER: none */
	maze_u64 backstop_at;
	maze_u64 clock_at; /* expiry of clock_fd */
	maze_u32 stretch;  /* pace.h */
	bool crowded;	   /* together, the watched processes use more than half a CPU */
	maze_u64 busy_ns;  /* CPU time of watched processes in this period */
	maze_u64 budget_wall_ns, budget_cpu_ns;
	maze_u64 round_cpu_ns; /* the worker's CPU time at the end of the last round */
	struct maze_record *slots[RECORD_LOGS];
	maze_u64 heads[RECORD_LOGS];
	int reader_fds[POLL_READERS_MAX]; /* eventfds that wake readers, -1: free */
	struct maze_counts counts;
	bool spares; /* threads that run the same program file as this process are not judged */
	bool adopts; /* watch orphans that become children of this process */
	struct maze_policy adopt_policy;
	maze_u64 adopt_tag;
};

/* ---- records.c: the logs and their readers --------------------------------------- */

int poll_records_init(struct engine *engine);
void poll_records_done(struct engine *engine);
/* Fills in the rest from the thread; without a thread, only the time. */
void poll_record(struct engine *engine, const struct poll_process *process,
		 const struct poll_thread *thread, const struct maze_record *facts);
/* A child or new thread that could not be watched. facts: tag, pid, tid, uid and comm. */
void poll_lost(struct engine *engine, const struct maze_record *facts);
int poll_reader_open(struct engine *engine, bool from_oldest, struct engine_reader **ret_reader,
		     struct maze_error *error);
int poll_reader_fd(struct engine_reader *reader);
int poll_reader_next(struct engine_reader *reader, struct maze_record *ret_record);
void poll_reader_close(struct engine_reader *reader);

/* ---- processes.c: watched processes and threads ---------------------------------- */

struct poll_process *poll_find(const struct engine *engine, pid_t pid);
/*
 * Adds a process, without a watch; duplicates the pidfd. NULL and *ret_err -ESRCH: it has
 * ended, -EAGAIN: no more timers (RLIMIT_SIGPENDING), -EMFILE.
 */
struct poll_process *poll_process_new(struct engine *engine, int pidfd, pid_t pid, int *ret_err);
/* Removes it, without records. */
void poll_process_drop(struct engine *engine, struct poll_process *process);
bool poll_process_has_ended(const struct poll_process *process);
/* Records the exit of its threads, and removes it. */
void poll_process_ended(struct engine *engine, struct poll_process *process);
/*
 * Watches one thread from now on. With MAZE_RECORD_INHERITED in flags (of its WATCH record),
 * a thread that has never slept is watched from its start. -ESRCH, -ENOMEM, -EPERM.
 */
int poll_thread_watch(struct engine *engine, struct poll_process *process, pid_t tid,
		      const struct maze_policy *policy, maze_u64 tag, maze_u32 flags);
/* Ends the watch and records this event. */
void poll_thread_end(struct engine *engine, struct poll_process *process,
		     struct poll_thread *thread, enum maze_event event);
/* Ends the watch, but keeps the entry, so that no listing watches the thread again. */
void poll_thread_ignore(struct engine *engine, struct poll_process *process,
			struct poll_thread *thread);
/* Ends the watches of exited threads, and watches new threads. */
void poll_threads_list(struct engine *engine, struct poll_process *process);
struct poll_thread *poll_thread_find(const struct poll_process *process, pid_t tid);

/* ---- sample.c: the runtime and sleeps of a thread -------------------------------- */

/* Begins the account of a thread whose policy and tag are set. -ESRCH. */
int poll_sample_begin(struct poll_process *process, struct poll_thread *thread, bool inherited);
int poll_sample_times(struct engine *engine, const struct poll_process *process,
		      struct poll_thread *thread, struct thread_times *ret_times);
int poll_sample_status(struct engine *engine, const struct poll_process *process,
		       struct poll_thread *thread, struct thread_status *ret_status);
/* How long it was not runnable since the last call; for a finite recovery. */
maze_u64 poll_sample_asleep_ns(struct poll_thread *thread, const struct thread_times *times);
/* After its end: reads what /proc has until its parent reaps it. */
void poll_sample_last(const struct poll_process *process, struct poll_thread *thread);
/* Closes the files that are kept open. */
void poll_sample_close(struct engine *engine, struct poll_thread *thread);
/* The count as of the last sample. */
maze_u64 poll_count(const struct poll_thread *thread);

/* ---- check.c: from samples to verdicts ------------------------------------------- */

/* Checks all threads, executes the verdicts, and plans the next check. */
void poll_check(struct engine *engine, struct poll_process *process);
/* The same, but only if a thread has run, or ran after the last read of its sleeps. */
void poll_check_if_ran(struct engine *engine, struct poll_process *process);

/* ---- deliver.c: signals ---------------------------------------------------------- */

/* 0 if the kernel has accepted the signal, else -errno. */
int poll_deliver(const struct poll_process *process, const struct poll_thread *thread, int signal);

/* ---- child_tracker.c: children of watched processes ------------------------------ */

int poll_child_tracker_init(struct engine *engine);
void poll_child_tracker_done(struct engine *engine);
/* Whether the kernel reports forks; else children are searched for. */
bool poll_child_tracker_has_events(const struct engine *engine);
/* Reads pending fork events. */
void poll_child_tracker_take(struct engine *engine);
/* Watches all children that were started before the call; from any thread. */
void poll_child_tracker_catch_up(struct engine *engine);
/* Searches if it is time; returns the time of the next search (POLL_NEVER: none). */
maze_u64 poll_child_tracker_search(struct engine *engine, maze_u64 now);
/* Whether this process may receive fork events. */
bool poll_fork_events_permitted(void);

/* ---- worker.c -------------------------------------------------------------------- */

int poll_worker_start(struct engine *engine, struct maze_error *error);
void poll_worker_stop(struct engine *engine);
/* Makes the worker plan again; with the lock held, after a change of the state. */
void poll_worker_wake(struct engine *engine);

/* ---- control.c ------------------------------------------------------------------- */

int poll_watch(struct engine *engine, const struct engine_target *target,
	       const struct maze_policy *policy, const struct engine_claim *claim,
	       struct maze_error *error);
int poll_unwatch(struct engine *engine, const struct engine_target *target,
		 const struct engine_claim *claim, struct maze_error *error);
int poll_unwatch_all(struct engine *engine, const struct engine_claim *claim,
		     struct maze_error *error);
int poll_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	      void *arg, struct maze_error *error);
int poll_counts(struct engine *engine, struct maze_counts *ret_counts);
int poll_adopt(struct engine *engine, const struct maze_policy *policy, maze_u64 tag);

#endif
