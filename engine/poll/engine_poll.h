/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The poll engine, as its files see it: maze for those who may load nothing into
 * the kernel. It looks at the CPU time and the number of sleeps that /proc tells of
 * each watched thread, and hands both to the same core/step.h as every engine.
 *
 * When it looks: a CPU-time timer (timer_create(2) on the clock of the watched
 * process, which needs no privilege) fires when the process has used a few ms of
 * CPU since the last look. So a look costs in proportion to the CPU that is
 * watched, and a process that sleeps costs nothing. A slow backstop finds what the
 * kernel tells late: it fires such a timer when the process returns to user mode.
 *
 * Never early: what is charged is the runtime that the scheduler has booked, which
 * lags behind by up to a tick and is never ahead. Runtime and sleeps cannot be read
 * in one go, so they are read in an order that errs to the late side (look.c).
 *
 * All state belongs to one worker thread per engine and to whoever holds the lock,
 * so that enforcement goes on whatever the caller is busy with.
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

/* As many as the bpf engine keeps, so that `maze events` means the same. */
#define POLL_LOG_LEN 4096
#define POLL_READERS_MAX 32
/* Processes are found by number in a table of chains; a power of two. */
#define POLL_CHAINS 256
#define POLL_NEVER (~0ULL)

struct poll_thread {
	struct poll_thread *next;
	struct maze_policy policy;
	struct maze_account account;
	maze_u64 tag;
	maze_u64 next_ns;	   /* CPU time from account.runtime_ns to the next stage; 0: none */
	struct thread_times times; /* at the last look */
	maze_u64 sleeps;	   /* voluntary switches when they were last read */
	maze_u64 asked_ns;	   /* its runtime then */
	maze_u64 unbroken_ns;	   /* the runtime until which it has not slept since */
	maze_u64 arrivals;	   /* at a CPU, as of that runtime */
	maze_u64 looked_ns;	   /* CLOCK_MONOTONIC */
	maze_u64 ran_ns;	   /* CLOCK_MONOTONIC of the last look that found it had run */
	maze_u64 first_ns;	   /* poll_awake_ns() at the first look, for a finite recovery */
	struct thread_times first; /* and what /proc said then */
	maze_u64 forgiven_ns;	   /* sleep since then that recovery has been given */
	maze_u32 uid;
	pid_t tid;
	int times_fd, status_fd; /* -1: not kept open */
	bool seen;		 /* a mark while threads are listed */
	bool gone;
	bool ignored; /* unwatched alone, in a process that is watched as a whole */
	char comm[MAZE_COMM_LEN];
};

struct poll_process {
	struct poll_process *next; /* in its chain */
	struct poll_thread *threads;
	/* What new threads and children get; only when the process as a whole is watched. */
	bool whole;
	struct maze_policy policy;
	maze_u64 tag;
	pid_t pid;
	int pidfd;
	int dir; /* /proc/PID */
	bool has_timer;
	timer_t timer;
	clockid_t clock;
	maze_u64 looked_ns;  /* CLOCK_MONOTONIC of the last look */
	maze_u64 timer_ns;   /* when its timer fires, in its CPU time */
	maze_u64 cpu_ns;     /* of the whole process, at the last look */
	maze_u64 limit_ns;   /* the least of its threads' */
	maze_u64 left_ns;    /* CPU time until the first stage of its threads; POLL_NEVER */
	maze_u64 look_at;    /* CLOCK_MONOTONIC, POLL_NEVER: when the timer says so */
	unsigned long links; /* of its directory of threads: 2 + their number */
	bool relist;	     /* its threads must be listed again */
	bool unsettled;	     /* a thread has run since its sleeps were read */
	bool acted;	     /* the last look had a verdict */
	bool keeps_files;
};

/* What the descriptors of the worker's epoll stand for; else the number of a process. */
#define POLL_EVENT_WAKE (1ULL << 32)
#define POLL_EVENT_CLOCK (2ULL << 32)
#define POLL_EVENT_TIMERS (3ULL << 32)
#define POLL_EVENT_FORKS (4ULL << 32)

struct descent; /* how children are found: descent.c */

struct engine {
	pthread_mutex_t lock;
	pthread_t worker;
	bool has_worker;
	bool stop;
	pid_t worker_tid;
	int epoll_fd;
	int wake_fd;   /* eventfd: state has changed, plan again */
	int clock_fd;  /* timerfd of the next look, scan or backstop */
	int signal_fd; /* CPU timers fire here */
	struct poll_process *chains[POLL_CHAINS];
	maze_u32 processes;
	maze_u32 open_fds; /* of threads, kept open */
	struct descent *descent;
	maze_u64 tightest_ns; /* the least limit of any watch, POLL_NEVER: none */
	maze_u64 backstop_at;
	maze_u64 clock_at; /* what clock_fd is set to */
	maze_u32 stretch;  /* pace.h */
	bool crowded;	   /* many use little each, and a lot together */
	maze_u64 busy_ns;  /* CPU time of watched processes in this period */
	maze_u64 budget_wall_ns, budget_cpu_ns;
	maze_u64 round_cpu_ns; /* own CPU time at the end of the last round */
	struct maze_record *slots[RECORD_LOGS];
	maze_u64 heads[RECORD_LOGS];
	int bells[POLL_READERS_MAX]; /* eventfds of readers, -1: free */
	struct engine_counts counts;
	bool spares; /* who runs the file of this process's program is not judged */
	bool adopts; /* orphans that become this process's children belong to a watch */
	struct maze_policy adopt_policy;
	maze_u64 adopt_tag;
};

/* ---- records.c: the logs, and who reads them ------------------------------------ */

int poll_records_init(struct engine *engine);
void poll_records_done(struct engine *engine);
/* Event, count, limit, signal and flags are the caller's; all of it without a thread. */
void poll_record(struct engine *engine, const struct poll_process *process,
		 const struct poll_thread *thread, const struct maze_record *facts);
/* A child or a new thread that could not be watched: tag, pid, tid, uid and comm. */
void poll_lost(struct engine *engine, const struct maze_record *facts);
int poll_reader_open(struct engine *engine, bool from_oldest, struct engine_reader **ret_reader,
		     struct maze_error *error);
int poll_reader_fd(struct engine_reader *reader);
int poll_reader_next(struct engine_reader *reader, struct maze_record *ret_record);
void poll_reader_close(struct engine_reader *reader);

/* ---- processes.c: what is watched ------------------------------------------------ */

struct poll_process *poll_find(const struct engine *engine, pid_t pid);
/*
 * Opens a process by pidfd (duplicated) and number; not yet watched. NULL and -ESRCH:
 * it has ended, -EAGAIN: no more timers (RLIMIT_SIGPENDING), -EMFILE.
 */
struct poll_process *poll_process_new(struct engine *engine, int pidfd, pid_t pid, int *ret_err);
/* Takes it out, without records. */
void poll_process_drop(struct engine *engine, struct poll_process *process);
bool poll_process_has_ended(const struct poll_process *process);
/* It has ended: records of its threads, then out. */
void poll_process_ended(struct engine *engine, struct poll_process *process);
/*
 * Watches one thread from now on, or, when it was born watched and has never slept,
 * from its beginning. flags: of its WATCH record. -ESRCH, -ENOMEM.
 */
int poll_thread_watch(struct engine *engine, struct poll_process *process, pid_t tid,
		      const struct maze_policy *policy, maze_u64 tag, maze_u32 flags);
/* Ends the watch with a record of this event. */
void poll_thread_end(struct engine *engine, struct poll_process *process,
		     struct poll_thread *thread, enum maze_event event);
/* Ends the watch, and remembers that the thread was not gone: it is not to be found anew. */
void poll_thread_ignore(struct engine *engine, struct poll_process *process,
			struct poll_thread *thread);
/* Brings the list of threads up to date: those who are gone go, those new are watched. */
void poll_threads_list(struct engine *engine, struct poll_process *process);
struct poll_thread *poll_thread_find(const struct poll_process *process, pid_t tid);

/* ---- look.c: from /proc to verdicts ----------------------------------------------- */

/* Begins the account of a thread whose policy and tag are set. -ESRCH. */
int poll_look_begin(struct poll_process *process, struct poll_thread *thread, bool born);
/* Looks at all threads, acts on what is due, and says when to look again. */
void poll_look(struct engine *engine, struct poll_process *process);
/* The same, but only if any has run, or must be asked what it did when it last ran. */
void poll_look_if_ran(struct engine *engine, struct poll_process *process);
/* Closes what is kept open of a thread. */
void poll_look_close(struct engine *engine, struct poll_thread *thread);
/* Of a process that has ended: what /proc still says until its parent reaps it. */
void poll_look_last(const struct poll_process *process, struct poll_thread *thread);
/* The count as of the last look. */
maze_u64 poll_count(const struct poll_thread *thread);

/* ---- deliver.c: signals -------------------------------------------------------------- */

/* Sends the signal to exactly that thread; 0 when the kernel took it, else -errno. */
int poll_deliver(const struct poll_process *process, const struct poll_thread *thread, int signal);

/* ---- descent.c: children ----------------------------------------------------------- */

int poll_descent_init(struct engine *engine);
void poll_descent_done(struct engine *engine);
/* Whether children are told of by the kernel, at once, or searched for. */
bool poll_descent_is_told(const struct engine *engine);
/* Takes what was told, if anything is. */
void poll_descent_take(struct engine *engine);
/* In any thread: children that were started until now are watched, by either way. */
void poll_descent_catch_up(struct engine *engine);
/* Searches if it is time to; returns when it is next (POLL_NEVER: there is no need to). */
maze_u64 poll_descent_search(struct engine *engine, maze_u64 now);
/* Whether this machine lets this process hear of forks; for doctor. */
bool poll_fork_events_permitted(void);

/* ---- worker.c ------------------------------------------------------------------------ */

int poll_worker_start(struct engine *engine, struct maze_error *error);
void poll_worker_stop(struct engine *engine);
/* With the lock held: something has changed that the worker must plan for. */
void poll_worker_wake(struct engine *engine);

/* ---- control.c ----------------------------------------------------------------------- */

int poll_watch(struct engine *engine, const struct engine_target *target,
	       const struct maze_policy *policy, const struct engine_claim *claim,
	       struct maze_error *error);
int poll_unwatch(struct engine *engine, const struct engine_target *target,
		 const struct engine_claim *claim, struct maze_error *error);
int poll_unwatch_all(struct engine *engine, const struct engine_claim *claim,
		     struct maze_error *error);
int poll_list(struct engine *engine, int (*each)(const struct maze_entry *entry, void *arg),
	      void *arg, struct maze_error *error);
int poll_counts(struct engine *engine, struct engine_counts *ret_counts);
int poll_adopt(struct engine *engine, const struct maze_policy *policy, maze_u64 tag);

#endif
