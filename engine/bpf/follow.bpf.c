/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports process events (core/process_event.h) to one process of user space. This is a
 * BPF object of its own, which is attached only while that process follows. None of its
 * programs runs at a context switch.
 *
 * A fork without an event costs about 100 ns, and an event about 500 ns. If the follower
 * waits, an event also causes an interrupt of the same CPU.
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

static __noinline int report(struct task_struct *task, enum maze_process_event_kind kind)
{
	struct maze_process_event *event;
	struct maze_task *watched;

	/* A task outside this pid namespace is not reported. */
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

MAZE_INLINE bool is_main(struct task_struct *task)
{
	return READ(task, pid) == READ(task, tgid);
}

MAZE_INLINE bool is_in_exec(struct task_struct *task)
{
	return bpf_core_field_exists(struct task_struct, in_execve) &&
	       BPF_CORE_READ_BITFIELD(task, in_execve);
}

/* Whether the child is watched, and matches the same rules as its parent. */
MAZE_INLINE bool inherits_all(struct task_struct *parent, struct task_struct *child)
{
	bool is_thread = !is_main(child), from_main = is_main(parent);

	if (!child->bpf_storage || !watched_task(child))
		return false;
	if (is_thread)
		return !from_main || !(follow_config.wants & MAZE_FOLLOW_THREADS);
	if (!from_main || (follow_config.wants & MAZE_FOLLOW_ALL_FORKS))
		return false;
	/* CLONE_INTO_CGROUP starts a child in another group, and no move is reported. */
	return has_cgroups() && child->cgroups->dfl_cgrp == parent->cgroups->dfl_cgrp;
}

/* Runs after the engine's own handler, so the child has inherited the watch already. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(follow__sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	bool is_thread = !is_main(child);

	if (is_kernel_thread(child) || inherits_all(parent, child))
		return 0;
	/* A thread matches the same rules as its process, which was reported earlier. */
	if (is_thread && !(follow_config.wants & MAZE_FOLLOW_THREADS))
		return 0;
	return report(child, MAZE_PROCESS_FORK);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(follow__sched_process_exec, struct task_struct *task)
{
	return is_kernel_thread(task) ? 0 : report(task, MAZE_PROCESS_EXEC);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(follow__cgroup_attach_task, struct cgroup *to, const char *path,
	     struct task_struct *task)
{
	return is_kernel_thread(task) ? 0 : report(task, MAZE_PROCESS_MOVE);
}

SEC("?tp_btf/task_rename")
int BPF_PROG(follow__task_rename, struct task_struct *task)
{
	/* An exec renames the task, too, and is reported as an exec. */
	if (is_kernel_thread(task) || is_in_exec(task))
		return 0;
	if (!is_main(task) && !(follow_config.wants & MAZE_FOLLOW_THREAD_NAMES))
		return 0;
	return report(task, MAZE_PROCESS_NAME);
}
