/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watches a child with the policy that it inherits.
 */
#include "children.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../base/pidfd.h"

bool inheritance_of(struct poll_process *process, const struct poll_thread *thread,
		    struct inheritance *ret_inherited)
{
	const struct poll_thread *parent = thread ? thread : process->threads;
	struct inheritance inherited = {
		.policy = thread ? thread->policy : process->policy,
		.tag = thread ? thread->tag : process->tag,
	};
	bool has_groups = poll_groups_inherited(process, &inherited.groups);

	inherited.watches =
		(thread || process->whole) && inherited.policy.flags & MAZE_POLICY_INHERIT;
	if (parent) {
		inherited.uid = parent->uid;
		memcpy(inherited.comm, parent->comm, sizeof(inherited.comm));
	}
	*ret_inherited = inherited;
	return has_groups || inherited.watches;
}

static void lose(struct engine *engine, const struct child *child)
{
	struct maze_record lost = { .tag = child->inherited.tag,
				    .pid = (maze_u32)child->pid,
				    .tid = (maze_u32)child->pid,
				    .uid = child->inherited.uid };

	memcpy(lost.comm, child->inherited.comm, sizeof(lost.comm));
	poll_lost(engine, &lost);
}

/*
 * Sets *err to -ESRCH if the PID was reused, or if the child was reaped before this function
 * had opened it. For a PID that no process has, pidfd_open(2) fails with ESRCH, EINVAL or
 * ENOENT: a thread can have the PID, or a process that is exiting.
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
	process = poll_process_new(engine, pidfd, child->pid, !child->inherited.watches, err);
	/* The process exists, but /proc does not show it to this user. */
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

	if (process && !poll_process_has_ended(process)) {
		poll_groups_join(engine, &child->inherited.groups, process, child->ppid);
		return 0;
	}
	/* A zombie may be found again. A second entry would count its CPU time twice. */
	if (process && !pidfd_is_reaped(process->pidfd))
		return 0;
	if (process)
		poll_process_ended(engine, process);
	process = open_child(engine, child, &err);
	if (!process) {
		if (err != -ESRCH) {
			lose(engine, child);
			poll_groups_miss(engine, &child->inherited.groups);
		}
		return err;
	}
	poll_groups_join(engine, &child->inherited.groups, process, child->ppid);
	if (!child->inherited.watches) {
		if (poll_process_is_unused(process))
			poll_process_drop(engine, process);
		return 0;
	}
	process->whole = true;
	process->policy = child->inherited.policy;
	process->tag = child->inherited.tag;
	/* The first check lists the threads of the child and starts to watch them. */
	process->relist = true;
	poll_check(engine, process);
	return 0;
}
