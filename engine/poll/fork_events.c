/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Children of what is watched, as the process connector tells of their forks.
 *
 * Always: an event is only a hint whom to open. A number may have come to another
 * since, so the one that is opened must not have begun after the event.
 */
#include "descent.h"

#include <errno.h>

#include "../process_connector.h"

int fork_events_open(void)
{
	return process_connector_open(PROC_EVENT_FORK);
}

static const struct ghost *find_ghost(const struct descent *descent, pid_t pid)
{
	unsigned int i;

	/* The newest first: a number may come again. */
	for (i = 1; i <= GHOSTS_MAX; i++)
		if (descent->ghosts[(descent->ghost - i) % GHOSTS_MAX].pid == pid)
			return &descent->ghosts[(descent->ghost - i) % GHOSTS_MAX];
	return NULL;
}

static void forget_ghost(struct descent *descent, pid_t pid)
{
	unsigned int i;

	for (i = 0; i < GHOSTS_MAX; i++)
		if (descent->ghosts[i].pid == pid)
			descent->ghosts[i].pid = 0;
}

static void remember_ghost(struct descent *descent, const struct child *child)
{
	descent->ghosts[descent->ghost++ % GHOSTS_MAX] =
		(struct ghost){ child->heritage, child->pid };
}

/* What a child of that thread inherits, if anything. */
static bool find_heritage(struct engine *engine, pid_t tgid, pid_t tid, struct child *child)
{
	const struct poll_process *process = poll_find(engine, tgid);
	const struct poll_thread *thread = process ? poll_thread_find(process, tid) : NULL;
	const struct ghost *ghost = process ? NULL : find_ghost(engine->descent, tgid);

	if (thread || (process && process->whole))
		child->heritage = heritage_of(process, thread);
	else if (ghost)
		child->heritage = ghost->heritage;
	else
		return false;
	return child->heritage.policy.flags & MAZE_POLICY_INHERIT;
}

/* Of a moment of CLOCK_MONOTONIC; the later, if anything. */
static maze_u64 boot_ns_of(maze_u64 monotonic_ns)
{
	maze_u64 now = now_ns(CLOCK_MONOTONIC);

	return monotonic_ns + (now_ns(CLOCK_BOOTTIME) - now);
}

static void take(struct engine *engine, const struct proc_event *event)
{
	const struct fork_proc_event *fork = &event->event_data.fork;
	struct child child = { .pid = fork->child_pid };
	struct poll_process *process;

	if (fork->child_pid != fork->child_tgid) {
		/* A thread. Who made it is not told, so only whole processes pass on. */
		process = poll_find(engine, fork->child_tgid);
		if (process && process->whole) {
			process->relist = true;
			poll_look(engine, process);
		}
		return;
	}
	forget_ghost(engine->descent, child.pid);
	if (!find_heritage(engine, fork->parent_tgid, fork->parent_pid, &child))
		return;
	/* The event follows the child's beginning. */
	child.seen_ns = boot_ns_of(event->timestamp_ns);
	if (poll_inherit(engine, &child) == -ESRCH)
		remember_ghost(engine->descent, &child);
}

void fork_events_take(struct engine *engine)
{
	struct proc_event event;
	bool lost = false;
	int got;

	for (;;) {
		got = process_connector_next(engine->descent->fork_fd, &lost, &event);
		/* Events were lost: then whoever has a watched parent is found by that. */
		if (got == -ENOBUFS)
			new_numbers_search_all(engine);
		else if (got <= 0)
			return;
		else if ((__u32)event.what == PROC_EVENT_FORK)
			take(engine, &event);
	}
}
