/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds new processes and threads without fork events. The kernel allocates PIDs in
 * ascending order, and /proc/loadavg shows the last one. If that PID has not changed, no
 * task was started. Otherwise only the PIDs since the previous value need a check.
 *
 * A process is missed if its parent ended before the search found the process. The
 * exception is a process that then became a child of this process, which may adopt
 * orphans (adopt() in engine.h).
 */
#include "children.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* With more new PIDs than this, reading the whole of /proc is cheaper. */
#define NEW_PIDS_MAX 4096
/*
 * Maximum time from the allocation of a PID until /proc has its task. The task that forks
 * may be preempted meanwhile.
 */
#define PENDING_NS (100 * MAZE_NSEC_PER_MSEC)

static bool is_parent(const struct poll_process *process, pid_t pid, struct child *child)
{
	const struct poll_thread *thread;

	if (process->whole || !process->threads)
		return inheritance_of(process, NULL, &child->inherited);
	/* Only some threads are watched, so the child must be a child of one of them. */
	for (thread = process->threads; thread; thread = thread->next) {
		if (!(thread->policy.flags & MAZE_POLICY_INHERIT) ||
		    !proc_is_child_of(process->dir, thread->tid, pid))
			continue;
		return inheritance_of(process, thread, &child->inherited);
	}
	/* Otherwise it can still be in a group of the process. */
	return inheritance_of(process, NULL, &child->inherited);
}

/* Watches the task if it inherits a watch. Returns -ESRCH if no task has this PID now. */
static int check_pid(struct engine *engine, pid_t pid)
{
	struct child child = { .pid = pid };
	struct poll_process *process;
	struct thread_status status;
	int err = proc_status_by_number(pid, &status);

	if (err)
		return err;
	if (status.tgid != pid) {
		process = poll_find(engine, status.tgid);
		if (process && process->whole && !poll_thread_find(process, pid)) {
			process->relist = true;
			poll_check(engine, process);
		}
		return 0;
	}
	child.seen_ns = now_ns(CLOCK_BOOTTIME);
	child.ppid = status.ppid;
	process = poll_find(engine, status.ppid);
	if (process && !poll_process_has_ended(process) && is_parent(process, pid, &child))
		return poll_inherit(engine, &child);
	if (engine->adopt_into_id && status.ppid == getpid()) {
		child.inherited.groups.ids[0] = engine->adopt_into_id;
		child.inherited.uid = status.uid;
		poll_inherit(engine, &child);
	}
	if (engine->adopts && status.ppid == getpid()) {
		child.inherited.watches = true;
		child.inherited.policy = engine->adopt_policy;
		child.inherited.tag = engine->adopt_tag;
		child.inherited.uid = status.uid;
		return poll_inherit(engine, &child);
	}
	return 0;
}

static void check_pending(struct engine *engine, maze_u64 now)
{
	struct child_tracker *tracker = engine->child_tracker;
	unsigned int i, kept = 0;

	for (i = 0; i < tracker->pending_count; i++) {
		if (check_pid(engine, tracker->pending[i].pid) != -ESRCH ||
		    now >= tracker->pending[i].until)
			continue;
		tracker->pending[kept++] = tracker->pending[i];
	}
	tracker->pending_count = kept;
}

static void check_new(struct engine *engine, pid_t pid, maze_u64 now)
{
	struct child_tracker *tracker = engine->child_tracker;

	if (check_pid(engine, pid) != -ESRCH)
		return;
	/* Drop the oldest pending PID, because its task has most likely ended already. */
	if (tracker->pending_count == PENDING_MAX) {
		memmove(tracker->pending, tracker->pending + 1,
			(PENDING_MAX - 1) * sizeof(tracker->pending[0]));
		tracker->pending_count--;
	}
	tracker->pending[tracker->pending_count++] = (struct pending_pid){ pid, now + PENDING_NS };
}

static void search(struct engine *engine)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			check_pid(engine, atoi(entry->d_name));
	if (proc)
		closedir(proc);
}

void new_pids_search_all(struct engine *engine)
{
	/*
	 * After PIDs wrap around, a child may precede its parent in /proc. So search
	 * twice.
	 */
	search(engine);
	search(engine);
}

void new_pids_take(struct engine *engine, maze_u64 now)
{
	struct child_tracker *tracker = engine->child_tracker;
	pid_t last = proc_last_number(&tracker->loadavg_fd), pid;

	check_pending(engine, now);
	if (!last || last == tracker->last_pid)
		return;
	/* A value lower than before means that the PIDs have wrapped around. */
	if (last < tracker->last_pid || last - tracker->last_pid > NEW_PIDS_MAX) {
		new_pids_search_all(engine);
	} else {
		for (pid = tracker->last_pid + 1; pid <= last; pid++)
			check_new(engine, pid, now);
	}
	tracker->last_pid = last;
}
