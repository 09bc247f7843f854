/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Children of watched processes, found as they appear.
 *
 * Where the kernel lets us, the process connector (fork_events.c) tells of every fork
 * at once. Elsewhere new processes are searched for (new_numbers.c), as often as the
 * tightest limit asks for, which costs two system calls each time as long as nothing
 * was started on the whole machine. Either way a child that has not slept since its
 * birth is charged from its birth on, so to be found late is not to be caught late.
 */
#include "descent.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

int poll_descent_init(struct engine *engine)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = POLL_EVENT_FORKS };
	struct descent *descent = calloc(1, sizeof(*descent));

	if (!descent)
		return -ENOMEM;
	engine->descent = descent;
	descent->numbers_fd = -1;
	descent->fork_fd = fork_events_open();
	if (descent->fork_fd >= 0)
		return epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, descent->fork_fd, &event) ? -errno
											    : 0;
	descent->last_number = proc_last_number(&descent->numbers_fd);
	return 0;
}

void poll_descent_done(struct engine *engine)
{
	if (!engine->descent)
		return;
	if (engine->descent->fork_fd >= 0)
		close(engine->descent->fork_fd);
	if (engine->descent->numbers_fd >= 0)
		close(engine->descent->numbers_fd);
	free(engine->descent);
}

bool poll_descent_is_told(const struct engine *engine)
{
	return engine->descent->fork_fd >= 0;
}

bool poll_fork_events_permitted(void)
{
	int fd = fork_events_open();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void poll_descent_take(struct engine *engine)
{
	if (poll_descent_is_told(engine))
		fork_events_take(engine);
}

void poll_descent_catch_up(struct engine *engine)
{
	unsigned int before = engine->processes;

	if (poll_descent_is_told(engine))
		fork_events_take(engine);
	else if (engine->processes || engine->adopts)
		new_numbers_take(engine, now_ns(CLOCK_MONOTONIC));
	if (engine->processes != before)
		poll_worker_wake(engine);
}

maze_u64 poll_descent_search(struct engine *engine, maze_u64 now)
{
	struct descent *descent = engine->descent;
	maze_u64 pause_ns = pace_late_ns(engine->tightest_ns) * 4 / 5;

	if (descent->fork_fd >= 0)
		return POLL_NEVER;
	if (pause_ns < SEARCH_MIN_NS)
		pause_ns = SEARCH_MIN_NS;
	pause_ns = pause_ns * engine->stretch / PACE_STRETCH_ONE;
	/* A little early, where the worker is awake anyway. */
	if (now + pause_ns / 4 < descent->search_at)
		return descent->search_at;
	new_numbers_take(engine, now);
	descent->search_at = now + pause_ns;
	return descent->search_at;
}

struct heritage heritage_of(const struct poll_process *process, const struct poll_thread *thread)
{
	const struct poll_thread *parent = thread ? thread : process->threads;
	struct heritage heritage = {
		.policy = thread ? thread->policy : process->policy,
		.tag = thread ? thread->tag : process->tag,
	};

	if (!parent)
		return heritage;
	heritage.uid = parent->uid;
	memcpy(heritage.comm, parent->comm, sizeof(heritage.comm));
	return heritage;
}

static void lose(struct engine *engine, const struct child *child)
{
	struct maze_record lost = { .tag = child->heritage.tag,
				    .pid = (maze_u32)child->pid,
				    .tid = (maze_u32)child->pid,
				    .uid = child->heritage.uid };

	memcpy(lost.comm, child->heritage.comm, sizeof(lost.comm));
	poll_lost(engine, &lost);
}

/*
 * A child that is reaped while it is opened, and one whose number is another's by now,
 * has ended. Linux gives three errors for a number without a process (pidfd_open(2)):
 * which one depends on whether a thread, or what is left of a process, has it.
 */
static struct poll_process *open_child(struct engine *engine, const struct child *child, int *err)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	struct poll_process *process;
	maze_u64 start_ns;

	if (pidfd < 0) {
		*err = errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
		return NULL;
	}
	process = poll_process_new(engine, pidfd, child->pid, err);
	/* It is there, but /proc does not show it to this user. */
	if (!process && *err == -ESRCH && !poll(&ended, 1, 0))
		*err = -EACCES;
	close(pidfd);
	if (!process)
		return NULL;
	start_ns = proc_start_ns(process->dir);
	if (start_ns && start_ns <= child->seen_ns)
		return process;
	poll_process_drop(engine, process);
	*err = -ESRCH;
	return NULL;
}

int poll_inherit(struct engine *engine, const struct child *child)
{
	struct poll_process *process = poll_find(engine, child->pid);
	int err;

	if (process && !poll_process_has_ended(process))
		return 0;
	if (process)
		poll_process_ended(engine, process);
	process = open_child(engine, child, &err);
	if (!process) {
		if (err != -ESRCH)
			lose(engine, child);
		return err;
	}
	process->whole = true;
	process->policy = child->heritage.policy;
	process->tag = child->heritage.tag;
	/* Its threads are listed, and so watched, at its first look. */
	process->relist = true;
	poll_look(engine, process);
	return 0;
}
