/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * New processes and threads, searched for where nobody tells of them. The kernel
 * gives numbers in ascending order, and /proc/loadavg says which it gave last; so
 * when that has not changed nothing was started, and else only the numbers since
 * need to be looked at.
 *
 * Missed: a process whose parent had ended before it was found, unless it was
 * handed to this process as the reaper of orphans (engine.h: adopt).
 */
#include "descent.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More new numbers than this at once: to read through /proc is cheaper. */
#define NUMBERS_MAX 4096
/* From the giving of a number until its task stands in /proc, with preemption in between. */
#define PENDING_NS (100 * MAZE_NSEC_PER_MSEC)

static bool is_parent(const struct poll_process *process, pid_t child, struct child *heir)
{
	const struct poll_thread *thread;

	if (process->whole) {
		heir->heritage = heritage_of(process, NULL);
		return heir->heritage.policy.flags & MAZE_POLICY_INHERIT;
	}
	/* Only some threads are watched: it must be theirs. */
	for (thread = process->threads; thread; thread = thread->next) {
		if (!(thread->policy.flags & MAZE_POLICY_INHERIT) ||
		    !proc_is_child_of(process->dir, thread->tid, child))
			continue;
		heir->heritage = heritage_of(process, thread);
		return true;
	}
	return false;
}

/* Looks at one number; -ESRCH: nobody has it (yet). */
static int consider(struct engine *engine, pid_t number)
{
	struct child heir = { .pid = number };
	struct poll_process *process;
	struct thread_status status;
	int err = proc_status_by_number(number, &status);

	if (err)
		return err;
	if (status.tgid != number) {
		process = poll_find(engine, status.tgid);
		if (process && process->whole && !poll_thread_find(process, number)) {
			process->relist = true;
			poll_look(engine, process);
		}
		return 0;
	}
	heir.seen_ns = now_ns(CLOCK_BOOTTIME);
	process = poll_find(engine, status.ppid);
	if (process && !poll_process_has_ended(process) && is_parent(process, number, &heir))
		return poll_inherit(engine, &heir);
	if (engine->adopts && status.ppid == getpid()) {
		heir.heritage.policy = engine->adopt_policy;
		heir.heritage.tag = engine->adopt_tag;
		heir.heritage.uid = status.uid;
		return poll_inherit(engine, &heir);
	}
	return 0;
}

static void try_again(struct engine *engine, maze_u64 now)
{
	struct descent *descent = engine->descent;
	unsigned int i, kept = 0;

	for (i = 0; i < descent->pendings; i++) {
		if (consider(engine, descent->pending[i].number) != -ESRCH ||
		    now >= descent->pending[i].until)
			continue;
		descent->pending[kept++] = descent->pending[i];
	}
	descent->pendings = kept;
}

static void consider_new(struct engine *engine, pid_t number, maze_u64 now)
{
	struct descent *descent = engine->descent;

	if (consider(engine, number) != -ESRCH)
		return;
	/* When there is no room, the oldest has most likely ended before it was seen. */
	if (descent->pendings == PENDING_MAX) {
		memmove(descent->pending, descent->pending + 1,
			(PENDING_MAX - 1) * sizeof(descent->pending[0]));
		descent->pendings--;
	}
	descent->pending[descent->pendings++] = (struct pending_number){ number, now + PENDING_NS };
}

static void search(struct engine *engine)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			consider(engine, atoi(entry->d_name));
	if (proc)
		closedir(proc);
}

void new_numbers_search_all(struct engine *engine)
{
	/* /proc is in ascending order; where numbers began again, a child may precede its parent. */
	search(engine);
	search(engine);
}

void new_numbers_take(struct engine *engine, maze_u64 now)
{
	struct descent *descent = engine->descent;
	pid_t last = proc_last_number(&descent->numbers_fd), number;

	try_again(engine, now);
	if (!last || last == descent->last_number)
		return;
	/* Lower than before: the numbers have begun again from below. */
	if (last < descent->last_number || last - descent->last_number > NUMBERS_MAX) {
		new_numbers_search_all(engine);
	} else {
		for (number = descent->last_number + 1; number <= last; number++)
			consider_new(engine, number, now);
	}
	descent->last_number = last;
}
