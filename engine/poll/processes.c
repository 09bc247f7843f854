/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps a hash of the watched processes by PID. Each process has a list of its watched
 * threads. The caller of each function holds the engine's lock.
 *
 * Invariant: an entry has a pidfd and a /proc directory of its process, so the PID only
 * serves to find the entry.
 */
#include "engine_poll.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct poll_process **chain_of(struct engine *engine, pid_t pid)
{
	return &engine->chains[(unsigned int)pid % POLL_CHAINS];
}

struct poll_process *poll_find(const struct engine *engine, pid_t pid)
{
	struct poll_process *process = engine->chains[(unsigned int)pid % POLL_CHAINS];

	while (process && process->pid != pid)
		process = process->next;
	return process;
}

/* Creates a timer on the CPU clock of the process. An unarmed timer costs no CPU time. */
static int make_timer(const struct engine *engine, struct poll_process *process)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGRTMIN,
		.sigev_value = { .sival_int = process->pid },
	};
	int err = clock_getcpuclockid(process->pid, &process->clock);

	if (err)
		return -err;
	event._sigev_un._tid = engine->worker_tid;
	if (timer_create(process->clock, &event, &process->timer))
		return errno == EINVAL ? -ESRCH : -errno;
	process->has_timer = true;
	return 0;
}

static void free_process(struct poll_process *process)
{
	if (process->has_timer)
		timer_delete(process->timer);
	if (process->dir >= 0)
		close(process->dir);
	if (process->pidfd >= 0)
		close(process->pidfd);
	free(process);
}

struct poll_process *poll_process_new(struct engine *engine, int pidfd, pid_t pid, bool zombie,
				      int *ret_err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = (maze_u64)pid };
	struct poll_process *process = calloc(1, sizeof(*process));
	struct poll_process **chain = chain_of(engine, pid);
	int err;

	if (!process) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	process->pid = pid;
	process->check_at = process->timer_ns = process->group_timer_ns = POLL_NEVER;
	process->dir = -1;
	process->pidfd = dup(pidfd);
	if (process->pidfd < 0) {
		err = -errno;
		goto out_free;
	}
	err = make_timer(engine, process);
	if (err)
		goto out_free;
	/* This proves that make_timer() used the PID of the right process. */
	process->dir = zombie ? proc_open_unreaped(pid, pidfd) : proc_open_process(pid, pidfd);
	if (process->dir < 0) {
		err = process->dir;
		goto out_free;
	}
	if (epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, process->pidfd, &event)) {
		err = -errno;
		goto out_free;
	}
	process->next = *chain;
	*chain = process;
	engine->processes++;
	return process;
out_free:
	free_process(process);
	*ret_err = err;
	return NULL;
}

static void forget_thread(struct engine *engine, struct poll_process *process,
			  struct poll_thread *thread)
{
	struct poll_thread **at = &process->threads;

	while (*at != thread)
		at = &(*at)->next;
	*at = thread->next;
	poll_sample_close(engine, thread);
	engine->counts.watched -= !thread->ignored;
	free(thread);
}

void poll_process_drop(struct engine *engine, struct poll_process *process)
{
	struct poll_process **at = chain_of(engine, process->pid);

	while (process->threads)
		forget_thread(engine, process, process->threads);
	poll_groups_forget(process);
	while (*at != process)
		at = &(*at)->next;
	*at = process->next;
	engine->processes--;
	if (!engine->processes)
		engine->tightest_ns = POLL_NEVER;
	epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, process->pidfd, NULL);
	free_process(process);
}

/* The end of a thread ends its streak. */
static void end_streak(struct engine *engine, struct poll_process *process,
		       struct poll_thread *thread)
{
	maze_u64 count_ns = poll_count(thread), peak_ns = thread->account.peak_ns;

	poll_streaks_add(engine, process, thread, count_ns > peak_ns ? count_ns : peak_ns, 1,
			 count_ns);
}

void poll_thread_end(struct engine *engine, struct poll_process *process,
		     struct poll_thread *thread, enum maze_event event)
{
	struct maze_record facts = { .event = (maze_u16)event, .count_ns = poll_count(thread) };

	/* An execve(2) may have changed the name since the last record. */
	proc_thread_comm(process->dir, thread->tid, thread->comm);
	if (!thread->ignored)
		poll_record(engine, process, thread, &facts);
	if (!thread->ignored && event == MAZE_EVENT_EXIT)
		end_streak(engine, process, thread);
	forget_thread(engine, process, thread);
}

void poll_thread_ignore(struct engine *engine, struct poll_process *process,
			struct poll_thread *thread)
{
	struct maze_record facts = { .event = MAZE_EVENT_UNWATCH, .count_ns = poll_count(thread) };

	poll_record(engine, process, thread, &facts);
	thread->ignored = true;
	engine->counts.watched--;
}

bool poll_process_has_ended(const struct poll_process *process)
{
	struct pollfd ended = { .fd = process->pidfd, .events = POLLIN };

	return poll(&ended, 1, 0) != 0;
}

void poll_process_ended(struct engine *engine, struct poll_process *process)
{
	if (process->ended)
		return;
	while (process->threads) {
		poll_sample_last(process, process->threads);
		poll_thread_end(engine, process, process->threads, MAZE_EVENT_EXIT);
	}
	process->whole = false;
	process->check_at = POLL_NEVER;
	process->ended = true;
	epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, process->pidfd, NULL);
	poll_groups_process_ended(engine, process);
	if (!process->memberships)
		poll_process_drop(engine, process);
}

void poll_notice_end(struct engine *engine, pid_t pid)
{
	struct poll_process *process;

	/* Find children before the process is removed, because they inherit from it. */
	poll_child_tracker_open_deferred(engine);
	for (process = *chain_of(engine, pid); process; process = process->next)
		if (process->pid == pid && !process->ended && poll_process_has_ended(process))
			break;
	if (process)
		poll_process_ended(engine, process);
}

static const struct poll_process *find_ended(const struct engine *engine)
{
	const struct poll_process *process;
	int i;

	for (i = 0; i < POLL_CHAINS; i++)
		for (process = engine->chains[i]; process; process = process->next)
			if (!process->ended && poll_process_has_ended(process))
				return process;
	return NULL;
}

/* The worker may not have noticed these ends yet. */
void poll_processes_notice_ends(struct engine *engine)
{
	const struct poll_process *process;

	while ((process = find_ended(engine)))
		poll_notice_end(engine, process->pid);
}

struct poll_thread *poll_thread_find(const struct poll_process *process, pid_t tid)
{
	struct poll_thread *thread = process->threads;

	while (thread && thread->tid != tid)
		thread = thread->next;
	return thread;
}

static void tighten(struct engine *engine, struct poll_process *process,
		    const struct maze_policy *policy)
{
	maze_u64 limit_ns = maze_first_limit(policy);

	if (!limit_ns)
		limit_ns = POLL_OBSERVED_AS_NS;
	if (!process->limit_ns || limit_ns < process->limit_ns)
		process->limit_ns = limit_ns;
	if (limit_ns < engine->tightest_ns)
		engine->tightest_ns = limit_ns;
}

int poll_thread_watch(struct engine *engine, struct poll_process *process, pid_t tid,
		      const struct maze_policy *policy, maze_u64 tag, maze_u32 flags)
{
	struct poll_thread *thread = poll_thread_find(process, tid);
	struct maze_record facts = { .event = MAZE_EVENT_WATCH, .flags = flags };
	int err;

	if (!thread) {
		/* The leader was already checked when the process was added. */
		if (tid != process->pid && proc_is_kernel_thread(process->dir, tid))
			return -EPERM;
		thread = calloc(1, sizeof(*thread));
		if (!thread)
			return -ENOMEM;
		thread->tid = tid;
		thread->times_fd = thread->status_fd = -1;
		thread->next = process->threads;
		process->threads = thread;
		engine->counts.watched++;
	}
	engine->counts.watched += thread->ignored;
	thread->ignored = false;
	thread->policy = *policy;
	thread->tag = tag;
	thread->seen = true;
	err = poll_sample_begin(process, thread, flags & MAZE_RECORD_INHERITED);
	if (err) {
		forget_thread(engine, process, thread);
		return err;
	}
	tighten(engine, process, policy);
	poll_record(engine, process, thread, &facts);
	return 0;
}

struct listing {
	struct engine *engine;
	struct poll_process *process;
};

/*
 * Records a thread that could not be watched. Its creator is unknown, so the record has
 * the name and user of the first thread in the list.
 */
static void lose_thread(struct engine *engine, const struct poll_process *process, pid_t tid)
{
	struct maze_record lost = { .tag = process->tag,
				    .pid = (maze_u32)process->pid,
				    .tid = (maze_u32)tid };

	if (process->threads) {
		lost.uid = process->threads->uid;
		memcpy(lost.comm, process->threads->comm, sizeof(lost.comm));
	}
	poll_lost(engine, &lost);
}

static void list_thread(pid_t tid, void *arg)
{
	struct listing *listing = arg;
	struct poll_process *process = listing->process;
	struct poll_thread *thread = poll_thread_find(process, tid);
	int err;

	if (thread) {
		thread->seen = true;
		return;
	}
	if (!process->whole || !(process->policy.flags & MAZE_POLICY_INHERIT))
		return;
	err = poll_thread_watch(listing->engine, process, tid, &process->policy, process->tag,
				MAZE_RECORD_INHERITED);
	/* A thread that has exited or is never watched is not a loss. */
	if (err && err != -ESRCH && err != -EPERM)
		lose_thread(listing->engine, process, tid);
}

void poll_threads_list(struct engine *engine, struct poll_process *process)
{
	struct listing listing = { engine, process };
	struct poll_thread *thread, *next;

	for (thread = process->threads; thread; thread = thread->next)
		thread->seen = false;
	/*
	 * Read the number of links before the threads. If a thread starts meanwhile, the
	 * next check then lists the threads again.
	 */
	process->links = proc_thread_links(process->dir);
	process->relist = false;
	if (proc_each_thread(process->dir, list_thread, &listing))
		return;
	for (thread = process->threads; thread; thread = next) {
		next = thread->next;
		if (!thread->seen)
			poll_thread_end(engine, process, thread, MAZE_EVENT_EXIT);
	}
}
