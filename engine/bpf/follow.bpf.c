/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells one process of user space what happens to processes (core/process_event.h).
 * An object of its own: attached while somebody follows, gone with him, and so no
 * cost to anybody else. Nothing of it runs at a context switch.
 *
 * A fork costs its maker about 100 ns where nothing is told of it, an event about
 * 500 ns, and an interrupt to the CPU itself where the follower waits.
 */
#include "numbers.bpf.h"

#include "follow.h"

char LICENSE[] SEC("license") = "GPL";

const volatile struct follow_config follow_config = {};
struct follow_state follow_state = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FOLLOW_RING_BYTES);
} process_events SEC(".maps");

static __noinline int tell(struct task_struct *task, enum maze_process_event_kind kind)
{
	struct maze_process_event *event;
	struct maze_task *watched;

	/* Who has no number here is not for us to look at. */
	if (!task || !process_number_at(task, follow_config.pid_level) ||
	    !number_is_of(task, follow_config.pid_level, follow_config.pid_namespace))
		return 0;
	event = bpf_ringbuf_reserve(&process_events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&follow_state.lost, 1);
		return 0;
	}
	watched = watched_task(task);
	event->kind = kind;
	event->pid = process_number_at(task, follow_config.pid_level);
	event->tid = thread_number_at(task, follow_config.pid_level);
	event->watched = watched ? MAZE_PROCESS_WATCHED : MAZE_PROCESS_UNWATCHED;
	event->tag = watched ? watched->tag : 0;
	event->lost = 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

MAZE_INLINE bool is_kernel_thread(struct task_struct *task)
{
	return READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER);
}

/* The first thread of its process? */
MAZE_INLINE bool is_main(struct task_struct *task)
{
	return READ(task, pid) == READ(task, tgid);
}

MAZE_INLINE bool is_in_exec(struct task_struct *task)
{
	return bpf_core_field_exists(struct task_struct, in_execve) &&
	       BPF_CORE_READ_BITFIELD(task, in_execve);
}

/* What a child has inherited is right for it too, as long as it differs in nothing else. */
MAZE_INLINE bool inherits_all(struct task_struct *parent, struct task_struct *child)
{
	bool is_thread = !is_main(child), from_main = is_main(parent);

	if (!child->bpf_storage || !watched_task(child))
		return false;
	if (is_thread)
		return !from_main || !(follow_config.wants & MAZE_FOLLOW_THREADS);
	if (!from_main || (follow_config.wants & MAZE_FOLLOW_ALL_FORKS))
		return false;
	/* A child may begin in another group (CLONE_INTO_CGROUP), and nobody moves it. */
	return has_cgroups() && child->cgroups->dfl_cgrp == parent->cgroups->dfl_cgrp;
}

/* Comes after the engine's own handler, which has made the child inherit by now. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(follow__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	bool is_thread = !is_main(child);

	if (is_kernel_thread(child) || inherits_all(parent, child))
		return 0;
	/* A thread of an unwatched one is as its maker was, and so was looked at with it. */
	if (is_thread && !(follow_config.wants & MAZE_FOLLOW_THREADS))
		return 0;
	return tell(child, MAZE_PROCESS_FORK);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(follow__sched_process_exec, struct task_struct *task)
{
	return is_kernel_thread(task) ? 0 : tell(task, MAZE_PROCESS_EXEC);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(follow__cgroup_attach_task, struct cgroup *to, const char *path,
	     struct task_struct *task)
{
	return is_kernel_thread(task) ? 0 : tell(task, MAZE_PROCESS_MOVE);
}

SEC("?tp_btf/task_rename")
int BPF_PROG(follow__task_rename, struct task_struct *task)
{
	/* An exec renames, too, and is told of when it is over. */
	if (is_kernel_thread(task) || is_in_exec(task))
		return 0;
	if (!is_main(task) && !(follow_config.wants & MAZE_FOLLOW_THREAD_NAMES))
		return 0;
	return tell(task, MAZE_PROCESS_NAME);
}
