/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds children of watched processes.
 *
 * If permitted, the process connector reports every fork (fork_events.c). Otherwise the
 * tracker searches for new processes (new_pids.c). The interval between searches follows
 * from the lowest limit. A search costs two system calls if no process was started on the
 * machine. In both cases a child that has not slept yet is charged from its start, so
 * finding it late does not make its verdict late.
 */
#include "children.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* The minimum interval between searches. Finding a child sooner is not worth the cost. */
#define GROUP_SEARCH_NS (100 * MAZE_NSEC_PER_MSEC)
#define SEARCH_MIN_NS (2 * MAZE_NSEC_PER_MSEC)

int poll_child_tracker_init(struct engine *engine)
{
	struct child_tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return -ENOMEM;
	engine->child_tracker = tracker;
	tracker->loadavg_fd = tracker->fork_fd = -1;
	return 0;
}

int poll_child_tracker_start(struct engine *engine)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = POLL_EVENT_FORKS };
	struct child_tracker *tracker = engine->child_tracker;

	if (tracker->started)
		return 0;
	tracker->started = true;
	tracker->fork_fd = fork_events_open();
	if (tracker->fork_fd >= 0)
		return epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, tracker->fork_fd, &event) ? -errno
											    : 0;
	tracker->last_pid = proc_last_number(&tracker->loadavg_fd);
	return 0;
}

void poll_child_tracker_done(struct engine *engine)
{
	if (!engine->child_tracker)
		return;
	if (engine->child_tracker->fork_fd >= 0)
		close(engine->child_tracker->fork_fd);
	if (engine->child_tracker->loadavg_fd >= 0)
		close(engine->child_tracker->loadavg_fd);
	free(engine->child_tracker);
}

bool poll_child_tracker_has_events(const struct engine *engine)
{
	return engine->child_tracker->fork_fd >= 0;
}

bool poll_fork_events_permitted(void)
{
	int fd = fork_events_open();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void poll_child_tracker_take(struct engine *engine)
{
	if (poll_child_tracker_has_events(engine))
		fork_events_take(engine);
}

void poll_child_tracker_open_deferred(struct engine *engine)
{
	poll_child_tracker_take(engine);
	fork_events_open_deferred(engine);
}

void poll_child_tracker_mute(struct engine *engine)
{
	struct epoll_event event = { .data.u64 = POLL_EVENT_FORKS };
	struct child_tracker *tracker = engine->child_tracker;
	bool mute = engine->tightest_ns == POLL_NEVER && !poll_groups_need_forks(engine);

	if (!poll_child_tracker_has_events(engine) || mute == tracker->muted)
		return;
	event.events = mute ? 0 : EPOLLIN;
	if (!epoll_ctl(engine->epoll_fd, EPOLL_CTL_MOD, tracker->fork_fd, &event))
		tracker->muted = mute;
}

void poll_child_tracker_catch_up(struct engine *engine)
{
	if (poll_child_tracker_has_events(engine))
		poll_child_tracker_open_deferred(engine);
	else if (engine->child_tracker->started && (engine->processes || engine->adopts))
		new_pids_take(engine, now_ns(CLOCK_MONOTONIC));
}

maze_u64 poll_child_tracker_search(struct engine *engine, maze_u64 now)
{
	struct child_tracker *tracker = engine->child_tracker;
	maze_u64 pause_ns = pace_late_ns(engine->tightest_ns) * 4 / 5;

	if (tracker->fork_fd >= 0 || !tracker->started ||
	    (engine->tightest_ns == POLL_NEVER && !engine->open_groups))
		return POLL_NEVER;
	/* The time of a child that ended counts, so a tree can find its children late. */
	if (engine->tightest_ns == POLL_NEVER)
		pause_ns = GROUP_SEARCH_NS;
	if (pause_ns < SEARCH_MIN_NS)
		pause_ns = SEARCH_MIN_NS;
	pause_ns = pause_ns * engine->stretch / PACE_STRETCH_ONE;
	/*
	 * Search up to a quarter of the pause early, because the worker is awake already.
	 */
	if (now + pause_ns / 4 < tracker->search_at)
		return tracker->search_at;
	new_pids_take(engine, now);
	tracker->search_at = now + pause_ns;
	return tracker->search_at;
}
