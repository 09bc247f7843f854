/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds children by the fork events of the process connector.
 *
 * Invariant: an event is only a hint. Its PID may have been reused, so the process that
 * is opened must not have started after the event.
 */
#include "children.h"

#include <errno.h>

#include "../process_connector.h"

int fork_events_open(void)
{
	return process_connector_open(PROC_EVENT_FORK);
}

static const struct exited_parent *find_exited_parent(const struct child_tracker *tracker,
						      pid_t pid)
{
	const struct exited_parent *exited;
	unsigned int i;

	/* Search from the newest entry, because a PID may be reused. */
	for (i = 1; i <= EXITED_PARENTS_MAX; i++) {
		exited = &tracker->exited[(tracker->next_exited - i) % EXITED_PARENTS_MAX];
		if (exited->pid == pid)
			return exited;
	}
	return NULL;
}

static void forget_exited_parent(struct child_tracker *tracker, pid_t pid)
{
	unsigned int i;

	for (i = 0; i < EXITED_PARENTS_MAX; i++)
		if (tracker->exited[i].pid == pid)
			tracker->exited[i].pid = 0;
}

static void remember_exited_parent(struct child_tracker *tracker, const struct child *child)
{
	tracker->exited[tracker->next_exited++ % EXITED_PARENTS_MAX] =
		(struct exited_parent){ child->inherited, child->pid };
}

static const struct child *find_deferred(const struct child_tracker *tracker, pid_t pid)
{
	unsigned int i;

	for (i = tracker->deferred_count; i > 0; i--)
		if (tracker->deferred[i - 1].pid == pid)
			return &tracker->deferred[i - 1];
	return NULL;
}

/*
 * Groups count the CPU time of a child that ends early when its parent waits for it. So
 * they do not need to open each child of a program that starts hundreds in a second.
 */
static void defer(struct engine *engine, const struct child *child)
{
	struct child_tracker *tracker = engine->child_tracker;

	if (tracker->deferred_count == DEFERRED_MAX)
		fork_events_open_deferred(engine);
	tracker->deferred[tracker->deferred_count++] = *child;
	poll_groups_expect(engine, &child->inherited.groups);
}

void fork_events_open_deferred(struct engine *engine)
{
	struct child_tracker *tracker = engine->child_tracker;
	struct child child;
	unsigned int i;

	/* A tree that is killed meanwhile defers and opens children too. */
	for (i = 0; i < tracker->deferred_count; i++) {
		child = tracker->deferred[i];
		poll_inherit(engine, &child);
	}
	tracker->deferred_count = 0;
}

/* Returns false if a child of that thread is not to be watched. */
static bool find_inheritance(struct engine *engine, pid_t tgid, pid_t tid, struct child *child)
{
	const struct poll_process *process = poll_find(engine, tgid);
	const struct poll_thread *thread = process ? poll_thread_find(process, tid) : NULL;
	const struct exited_parent *exited;
	const struct child *deferred;

	/* Its forks were read before its end, so this event has a reused PID. */
	if (process && process->ended)
		process = NULL;
	if (process)
		return inheritance_of(process, thread, &child->inherited);
	deferred = find_deferred(engine->child_tracker, tgid);
	exited = deferred ? NULL : find_exited_parent(engine->child_tracker, tgid);
	if (deferred)
		child->inherited = deferred->inherited;
	if (deferred)
		return true;
	if (!exited)
		return false;
	child->inherited = exited->inherited;
	return true;
}

/* Converts from CLOCK_MONOTONIC to CLOCK_BOOTTIME. The result is never too early. */
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
		/*
		 * The creator of the thread is unknown. So only a process that is watched
		 * as a whole passes on its watch.
		 */
		process = poll_find(engine, fork->child_tgid);
		if (process && process->whole) {
			process->relist = true;
			poll_check(engine, process);
		}
		return;
	}
	forget_exited_parent(engine->child_tracker, child.pid);
	if (!find_inheritance(engine, fork->parent_tgid, fork->parent_pid, &child))
		return;
	/* The event has a later time than the start of the child. */
	child.ppid = fork->parent_tgid;
	child.seen_ns = boot_ns_of(event->timestamp_ns);
	if (!child.inherited.watches)
		defer(engine, &child);
	else if (poll_inherit(engine, &child) == -ESRCH)
		remember_exited_parent(engine->child_tracker, &child);
}

void fork_events_take(struct engine *engine)
{
	struct proc_event event;
	bool lost = false;
	int got;

	for (;;) {
		got = process_connector_next(engine->child_tracker->fork_fd, &lost, &event);
		/* Events were lost, so find children by their parent PIDs. */
		if (got == -ENOBUFS)
			new_pids_search_all(engine);
		else if (got <= 0)
			return;
		else if ((__u32)event.what == PROC_EVENT_FORK)
			take(engine, &event);
	}
}
