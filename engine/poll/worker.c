/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The worker thread. It sleeps until a CPU-time timer fires, a watched process ends, a
 * fork is reported, or a planned check is due. To keep its own CPU use below 1 %, it
 * makes the intervals between checks longer if necessary.
 */
#include "engine_poll.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Maximum number of events per read. Further events stay readable until the next read. */
#define EVENTS_MAX 64
/*
 * CPU-time timers do not fire for a task that spins inside a system call. So the backstop
 * reads the CPU clock of each process, which takes 0.5 us per process. Its interval is
 * 1/BACKSTOP_FRACTION of the lowest limit, but between MIN and MAX.
 */
#define BACKSTOP_FRACTION 4
#define BACKSTOP_MIN_NS (20 * MAZE_NSEC_PER_MSEC)
#define BACKSTOP_MAX_NS MAZE_NSEC_PER_SEC

static void add_fd(struct engine *engine, int fd, maze_u64 what, int *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = what };

	if (!*err && (fd < 0 || epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &event)))
		*err = -errno;
}

static void keep_budget(struct engine *engine, maze_u64 now, maze_u64 cpu_ns)
{
	maze_u64 passed_ns = now - engine->budget_wall_ns;

	if (passed_ns < PACE_PERIOD_NS)
		return;
	engine->stretch =
		pace_stretch(engine->stretch, (cpu_ns - engine->budget_cpu_ns) * 100000 / passed_ns,
			     passed_ns / PACE_PERIOD_NS);
	engine->crowded = engine->busy_ns > passed_ns / 2;
	engine->busy_ns = 0;
	engine->budget_wall_ns = now;
	engine->budget_cpu_ns = cpu_ns;
}

/*
 * The budget excludes the cost of forks and ends of processes, because fewer checks would
 * not reduce that cost. So it excludes a round that only took such events.
 */
static void end_round(struct engine *engine)
{
	maze_u64 cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);

	if (engine->children_ns)
		engine->budget_cpu_ns +=
			engine->has_checked ? engine->children_ns : cpu_ns - engine->round_cpu_ns;
	engine->children_ns = 0;
	engine->has_checked = false;
	engine->round_cpu_ns = cpu_ns;
	if (engine->processes)
		keep_budget(engine, now_ns(CLOCK_MONOTONIC), cpu_ns);
}

/* Drops a process that has no watched thread left and is not watched as a whole. */
static void drop_if_empty(struct engine *engine, struct poll_process *process)
{
	if (poll_process_is_unused(process))
		poll_process_drop(engine, process);
}

/* The timer of a process serves its threads and its groups, and has to be set again. */
static void take_timer(struct engine *engine, pid_t pid)
{
	struct poll_process *process = poll_find(engine, pid);
	bool for_groups;

	if (!process)
		return;
	for_groups = process->group_timer_ns != POLL_NEVER &&
		     now_ns(process->clock) >= process->group_timer_ns;
	if (for_groups)
		process->group_timer_ns = POLL_NEVER;
	if (!process->threads && !process->whole)
		process->timer_ns = POLL_NEVER;
	poll_check(engine, process);
	drop_if_empty(engine, process);
	process = poll_find(engine, pid);
	if (!process)
		return;
	if (for_groups)
		poll_groups_timer(process);
	poll_timer_set(process);
}

static void take_timers(struct engine *engine)
{
	struct signalfd_siginfo infos[EVENTS_MAX];
	ssize_t n = read(engine->signal_fd, infos, sizeof(infos)), i;

	/* If more signals are pending, the descriptor stays readable. */
	for (i = 0; i < n / (ssize_t)sizeof(infos[0]); i++)
		take_timer(engine, infos[i].ssi_int);
}

static void run_backstop(struct engine *engine, struct poll_process *process)
{
	maze_u64 used_ns;

	/* Groups have no backstop, so that a group at rest costs no wakeup. */
	if (!process->threads && !process->whole)
		return;
	used_ns = now_ns(process->clock) - process->cpu_ns;
	/*
	 * A process that has not run since its last check is checked to close its files.
	 */
	if (used_ns >= pace_step_ns(process->limit_ns, PACE_TIMER_PERCENT, engine->stretch) ||
	    (!used_ns && process->keeps_files)) {
		poll_check(engine, process);
		drop_if_empty(engine, process);
	}
}

/*
 * A check may be early by a quarter of its interval, so one wakeup serves several
 * processes.
 */
static bool is_due(const struct poll_process *process, maze_u64 now)
{
	maze_u64 early_ns = (process->check_at - process->checked_ns) / 4;

	return process->check_at != POLL_NEVER && now + early_ns >= process->check_at;
}

/* Checks the processes that are due. Returns the time of the next check or backstop. */
static maze_u64 check_when_due(struct engine *engine, maze_u64 now)
{
	bool needed = engine->tightest_ns != POLL_NEVER;
	bool backstop = needed && now >= engine->backstop_at;
	maze_u64 next = POLL_NEVER, pause;
	struct poll_process *process, *after;
	int i;

	for (i = 0; i < POLL_CHAINS; i++) {
		for (process = engine->chains[i]; process; process = after) {
			after = process->next;
			if (is_due(process, now)) {
				poll_check_if_ran(engine, process);
				drop_if_empty(engine, process);
			} else if (backstop) {
				run_backstop(engine, process);
			}
		}
		for (process = engine->chains[i]; process; process = process->next)
			next = process->check_at < next ? process->check_at : next;
	}
	if (backstop) {
		pause = engine->tightest_ns / BACKSTOP_FRACTION;
		pause = pause < BACKSTOP_MIN_NS	  ? BACKSTOP_MIN_NS
			: pause > BACKSTOP_MAX_NS ? BACKSTOP_MAX_NS
						  : pause;
		engine->backstop_at = now + pause;
	}
	return needed && engine->backstop_at < next ? engine->backstop_at : next;
}

static void set_clock(struct engine *engine, maze_u64 at)
{
	struct itimerspec when = { 0 };

	if (at == engine->clock_at)
		return;
	engine->clock_at = at;
	if (at != POLL_NEVER) {
		when.it_value.tv_sec = (time_t)(at / MAZE_NSEC_PER_SEC);
		when.it_value.tv_nsec = (long)(at % MAZE_NSEC_PER_SEC);
		if (!at)
			when.it_value.tv_nsec = 1;
	}
	timerfd_settime(engine->clock_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void take_event(struct engine *engine, maze_u64 what)
{
	eventfd_t count;

	switch (what) {
	case POLL_EVENT_WAKE:
		eventfd_read(engine->wake_fd, &count);
		break;
	case POLL_EVENT_CLOCK:
		eventfd_read(engine->clock_fd, &count);
		engine->clock_at = 0;
		break;
	case POLL_EVENT_TIMERS:
		take_timers(engine);
		break;
	case POLL_EVENT_FORKS:
		poll_child_tracker_take(engine);
		break;
	case POLL_EVENT_CGROUPS:
		poll_groups_take_events(engine);
		break;
	default:
		poll_notice_end(engine, (pid_t)what);
	}
}

static bool is_of_child(maze_u64 what)
{
	return what == POLL_EVENT_FORKS || what < POLL_EVENT_WAKE;
}

static void take_events(struct engine *engine, const struct epoll_event *events, int n)
{
	maze_u64 before_ns;
	int i, others = 0;

	for (i = 0; i < n; i++) {
		if (is_of_child(events[i].data.u64))
			continue;
		take_event(engine, events[i].data.u64);
		others++;
	}
	if (others == n)
		return;
	before_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (i = 0; i < n; i++)
		if (is_of_child(events[i].data.u64))
			take_event(engine, events[i].data.u64);
	engine->children_ns += now_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
}

static void make_round(struct engine *engine, const struct epoll_event *events, int n)
{
	maze_u64 now, next = POLL_NEVER, search;

	take_events(engine, events, n);
	now = now_ns(CLOCK_MONOTONIC);
	next = poll_groups_check_when_due(engine, now);
	if (engine->processes) {
		search = check_when_due(engine, now);
		next = search < next ? search : next;
		search = poll_child_tracker_search(engine, now);
		next = search < next ? search : next;
	}
	poll_child_tracker_mute(engine);
	set_clock(engine, next);
}

static void *work(void *arg)
{
	struct engine *engine = arg;
	struct epoll_event events[EVENTS_MAX];
	bool stop = false;
	int n;

	prctl(PR_SET_NAME, "maze-poll");
	while (!stop) {
		n = epoll_wait(engine->epoll_fd, events, EVENTS_MAX, -1);
		pthread_mutex_lock(&engine->lock);
		make_round(engine, events, n);
		end_round(engine);
		stop = engine->stop;
		pthread_mutex_unlock(&engine->lock);
	}
	return NULL;
}

/* The timers need the worker's TID, so it is set before the first watch. */
static void *start(void *arg)
{
	struct engine *engine = arg;

	pthread_mutex_lock(&engine->lock);
	engine->worker_tid = gettid();
	pthread_mutex_unlock(&engine->lock);
	eventfd_write(engine->wake_fd, 1);
	return work(engine);
}

/* The worker blocks all signals and reads those of the timers from signal_fd. */
static int create(struct engine *engine)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&engine->worker, NULL, start, engine);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int poll_worker_start(struct engine *engine, struct maze_error *error)
{
	sigset_t timers;
	int err = 0;

	sigemptyset(&timers);
	sigaddset(&timers, SIGRTMIN);
	engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	engine->clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	engine->signal_fd = signalfd(-1, &timers, SFD_CLOEXEC | SFD_NONBLOCK);
	engine->budget_wall_ns = now_ns(CLOCK_MONOTONIC);
	add_fd(engine, engine->wake_fd, POLL_EVENT_WAKE, &err);
	add_fd(engine, engine->clock_fd, POLL_EVENT_CLOCK, &err);
	add_fd(engine, engine->signal_fd, POLL_EVENT_TIMERS, &err);
	if (!err)
		err = create(engine);
	if (err)
		return maze_fail(error, err, "cannot start the thread of the poll engine: %s",
				 strerror(-err));
	engine->has_worker = true;
	while (!__atomic_load_n(&engine->worker_tid, __ATOMIC_ACQUIRE))
		sched_yield();
	return 0;
}

void poll_worker_wake(struct engine *engine)
{
	eventfd_write(engine->wake_fd, 1);
}

void poll_worker_stop(struct engine *engine)
{
	if (!engine->has_worker)
		return;
	pthread_mutex_lock(&engine->lock);
	engine->stop = true;
	poll_worker_wake(engine);
	pthread_mutex_unlock(&engine->lock);
	pthread_join(engine->worker, NULL);
	engine->has_worker = false;
}
