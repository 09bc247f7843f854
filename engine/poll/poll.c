/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Defines the table engine_poll, and the operations open, close, probe, service and
 * others.
 */
#include "../bpf/children_time.h"
#include "../connector_follow.h"
#include "engine_poll.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool shows_us(void)
{
	char text[32];
	ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return atoi(text) == getpid();
}

/* Checks the requirements of the engine. */
static int check(struct maze_error *error)
{
	struct thread_times times = { 0 };
	struct thread_status status;
	int pidfd, dir, fd = -1, err;

	if (!shows_us())
		return maze_fail(error, -ENOENT,
				 "the poll engine needs a /proc that shows this process; "
				 "mount -t proc proc /proc");
	pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (pidfd < 0)
		return maze_fail(error, -EOPNOTSUPP,
				 "the poll engine needs pidfd_open(2), of Linux 5.3 or later: %s",
				 strerror(errno));
	dir = proc_open_process(getpid(), pidfd);
	close(pidfd);
	if (dir < 0)
		return maze_fail(error, dir, "cannot open /proc/%d: %s", (int)getpid(),
				 strerror(-dir));
	err = proc_thread_times(dir, gettid(), &fd, false, &times);
	if (!err)
		err = proc_thread_status(dir, gettid(), &status);
	close(dir);
	if (err)
		return maze_fail(error, -EOPNOTSUPP,
				 "the poll engine needs schedstat and voluntary_ctxt_switches in "
				 "/proc, which this kernel does not provide: %s",
				 strerror(-err));
	if (!times.arrivals)
		return maze_fail(error, -EOPNOTSUPP,
				 "/proc/PID/schedstat is empty on this kernel; boot it with "
				 "delayacct, or build it with CONFIG_SCHEDSTATS");
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void poll_close(struct engine *engine)
{
	int i;

	if (!engine)
		return;
	poll_worker_stop(engine);
	poll_groups_done(engine);
	for (i = 0; i < POLL_CHAINS; i++)
		while (engine->chains[i])
			poll_process_drop(engine, engine->chains[i]);
	poll_child_tracker_done(engine);
	bpf_children_close(engine->children_time);
	poll_records_done(engine);
	poll_streaks_done(engine);
	close_fd(engine->inotify_fd);
	close_fd(engine->signal_fd);
	close_fd(engine->clock_fd);
	close_fd(engine->wake_fd);
	close_fd(engine->epoll_fd);
	pthread_mutex_destroy(&engine->lock);
	free(engine->allowances);
	free(engine);
}

static int start(struct engine *engine, struct maze_error *error)
{
	int err;

	engine->wake_fd = engine->clock_fd = engine->signal_fd = engine->inotify_fd = -1;
	engine->tightest_ns = POLL_NEVER;
	engine->stretch = PACE_STRETCH_ONE;
	engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = engine->epoll_fd < 0 ? -errno : poll_records_init(engine);
	if (!err)
		err = poll_child_tracker_init(engine);
	if (err)
		return maze_fail(error, err, "cannot start the poll engine: %s", strerror(-err));
	return poll_worker_start(engine, error);
}

static int poll_open(enum engine_scope scope, struct engine **ret_engine, struct maze_error *error)
{
	struct engine *engine;
	int err;

	if (scope == ENGINE_EXISTING)
		return maze_fail(error, -ENOENT,
				 "the poll engine runs in the maze process that started it; other "
				 "processes cannot use it");
	if (scope == ENGINE_PINNED)
		return maze_fail(error, -EOPNOTSUPP,
				 "the poll engine runs in a maze process and ends with it, so its "
				 "watches cannot stay; use maze watch --wait");
	err = check(error);
	if (err)
		return err;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return maze_fail(error, -ENOMEM, "out of memory");
	pthread_mutex_init(&engine->lock, NULL);
	err = start(engine, error);
	if (err) {
		poll_close(engine);
		return err;
	}
	*ret_engine = engine;
	return 0;
}

static void poll_probe(struct engine_report *ret_report)
{
	struct maze_error error = { "" };
	bool fork_events = poll_fork_events_permitted();

	memset(ret_report, 0, sizeof(*ret_report));
	ret_report->name = engine_poll.name;
	if (check(&error)) {
		snprintf(ret_report->why_not, sizeof(ret_report->why_not), "%s", error.text);
		return;
	}
	ret_report->usable = true;
	snprintf(ret_report->detail, sizeof(ret_report->detail),
		 "needs no privilege; reads /proc when a watched process has used a few ms of "
		 "CPU; "
		 "%s",
		 fork_events ? "gets fork events from the process connector"
			     : "searches for new processes about 100 times a second");
	snprintf(ret_report->blind_spots, sizeof(ret_report->blind_spots),
		 "A wait for a lock looks like any other sleep: with --recovery lock:R, the "
		 "default, any sleep resets the count.\n"
		 "A sched_yield is not seen: a program that yields but never sleeps reaches its "
		 "limit.\n"
		 "A limit is noticed late: by up to 10 ms or a tenth of the limit, but not less "
		 "than about two ticks of the kernel. If checks would cost more than 1 %% of a "
		 "CPU, they become rarer: limits of seconds are then late by up to a tenth of "
		 "the limit, and with very many watched threads all limits are later than that.\n"
		 "A streak (maze observe) is seen up to the last check before its end; streaks "
		 "between two checks count as equally long.\n"
		 "When maze ends, its watches end: maze watch works only with --wait.\n"
		 "%s",
		 fork_events ? ""
			     : "A process whose parent ended within 10 ms of starting it is "
			       "missed, unless both were started by maze run.\n");
}

static int poll_service_fd(struct engine *engine)
{
	(void)engine;
	return -1;
}

/*
 * The worker needs no service. But a process also calls service() before it reaps a child
 * (engine.h). Before the reap, the exit of that child must be recorded and its children
 * found.
 */
static int poll_service(struct engine *engine)
{
	struct poll_process *process, *next;
	maze_u32 before;
	int i;

	pthread_mutex_lock(&engine->lock);
	before = engine->processes;
	/* Find children first, because they inherit from a process only until its removal. */
	poll_child_tracker_catch_up(engine);
	if (engine->processes != before)
		poll_worker_wake(engine);
	for (i = 0; i < POLL_CHAINS; i++) {
		for (process = engine->chains[i]; process; process = next) {
			next = process->next;
			if (!process->ended && poll_process_has_ended(process))
				poll_process_ended(engine, process);
		}
	}
	/* Before the caller reaps a child, its clock is read and its tree is sampled. */
	if (engine->groups) {
		poll_groups_check_when_due(engine, now_ns(CLOCK_MONOTONIC));
		poll_worker_wake(engine);
	}
	pthread_mutex_unlock(&engine->lock);
	return -1;
}

static int poll_become_service(struct engine *engine)
{
	(void)engine;
	return 0;
}

static bool poll_gone(struct engine *engine)
{
	(void)engine;
	return false;
}

static int poll_unload(bool *ret_was_loaded, struct maze_error *error)
{
	(void)error;
	*ret_was_loaded = false;
	return 0;
}

static bool poll_sees_yields(const struct engine *engine)
{
	(void)engine;
	return false;
}

static void poll_spare_program(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
	engine->spares = true;
	pthread_mutex_unlock(&engine->lock);
}

const struct engine_ops engine_poll = {
	.name = "poll",
	.sees_yields = poll_sees_yields,
	.probe = poll_probe,
	.open = poll_open,
	.close = poll_close,
	.watch = poll_watch,
	.unwatch = poll_unwatch,
	.unwatch_all = poll_unwatch_all,
	.allow = poll_allow,
	.list = poll_list,
	.counts = poll_counts,
	.streaks = poll_streaks,
	.reader_open = poll_reader_open,
	.reader_fd = poll_reader_fd,
	.reader_next = poll_reader_next,
	.reader_close = poll_reader_close,
	.follow = connector_follow,
	.follower_fd = connector_follower_fd,
	.follower_next = connector_follower_next,
	.follower_close = connector_follower_close,
	.service_fd = poll_service_fd,
	.service = poll_service,
	.become_service = poll_become_service,
	.gone_fd = poll_service_fd,
	.gone = poll_gone,
	.adopt = poll_adopt,
	.spare_program = poll_spare_program,
	.unload = poll_unload,
};
