/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads PIDs and TIDs ("numbers") of tasks in a pid namespace of a given depth. */
#ifndef MAZE_BPF_NUMBERS_BPF_H
#define MAZE_BPF_NUMBERS_BPF_H

#include "tasks.bpf.h"

/* Whether numbers in pid namespaces other than the initial one can be read. */
MAZE_INLINE bool has_namespaces(void)
{
	return bpf_core_field_exists(struct task_struct, thread_pid) &&
	       bpf_core_field_exists(struct pid, level) &&
	       bpf_core_field_exists(struct pid, numbers) &&
	       bpf_core_field_exists(struct upid, nr) && bpf_core_field_exists(struct upid, ns) &&
	       bpf_core_field_exists(struct pid_namespace, ns) &&
	       bpf_core_field_exists(struct ns_common, inum);
}

/* Computes the address, because CO-RE does not relocate a variable array index. */
MAZE_INLINE struct upid *upid_at(struct pid *pid, maze_u32 level)
{
	return (struct upid *)((maze_u64)pid + bpf_core_field_offset(struct pid, numbers) +
			       (maze_u64)level * bpf_core_type_size(struct upid));
}

/* Returns a task's number at this depth; 0: the task is in no namespace so deep. */
static __noinline maze_u32 number_at(struct task_struct *task, maze_u32 wanted)
{
	struct pid *pid;

	if (!task || !has_namespaces())
		return 0;
	pid = BPF_CORE_READ(task, thread_pid);
	if (!pid || PROBE(pid, level) < wanted)
		return 0;
	return PROBE(upid_at(pid, wanted), nr);
}

/*
 * Whether the task's number at this depth is of the namespace with this inode number.
 * Several namespaces may have the same depth, except at depth 0.
 */
MAZE_INLINE bool number_is_of(struct task_struct *task, maze_u32 level, maze_u32 namespace)
{
	struct pid_namespace *ns;
	struct pid *pid;

	if (!level)
		return true;
	if (!task || !has_namespaces())
		return false;
	pid = BPF_CORE_READ(task, thread_pid);
	if (!pid)
		return false;
	ns = BPF_CORE_READ(upid_at(pid, level), ns);
	return ns && PROBE(ns, ns.inum) == namespace;
}

MAZE_INLINE maze_u32 thread_number_at(struct task_struct *task, maze_u32 level)
{
	return level ? number_at(task, level) : READ(task, pid);
}

MAZE_INLINE maze_u32 process_number_at(struct task_struct *task, maze_u32 level)
{
	return level ? number_at(BPF_CORE_READ(task, group_leader), level) : READ(task, tgid);
}

/* The same for a task that the verifier knows as any address. */
MAZE_INLINE maze_u32 probed_thread_number_at(struct task_struct *task, maze_u32 level)
{
	return level ? number_at(task, level) : PROBE(task, pid);
}

MAZE_INLINE maze_u32 probed_process_number_at(struct task_struct *task, maze_u32 level)
{
	return level ? number_at(BPF_CORE_READ(task, group_leader), level) : PROBE(task, tgid);
}

#endif
