/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The numbers of tasks as a pid namespace of a given depth has them.
 */
#ifndef MAZE_BPF_NUMBERS_BPF_H
#define MAZE_BPF_NUMBERS_BPF_H

#include "tasks.bpf.h"

/* Can numbers be had in pid namespaces other than the first? */
MAZE_INLINE bool has_namespaces(void)
{
	return bpf_core_field_exists(struct task_struct, thread_pid) &&
	       bpf_core_field_exists(struct pid, level) &&
	       bpf_core_field_exists(struct pid, numbers) &&
	       bpf_core_field_exists(struct upid, nr) && bpf_core_field_exists(struct upid, ns) &&
	       bpf_core_field_exists(struct pid_namespace, ns) &&
	       bpf_core_field_exists(struct ns_common, inum);
}

/* The struct pid is read as plain memory: its array is indexed by a variable. */
MAZE_INLINE struct upid *upid_at(struct pid *pid, maze_u32 level)
{
	return (struct upid *)((maze_u64)pid + bpf_core_field_offset(struct pid, numbers) +
			       (maze_u64)level * bpf_core_type_size(struct upid));
}

/* A task's number in the pid namespace of the engine's owner; 0 if it is not in it. */
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
 * Is that number one of the namespace with this inode number? At the same depth there
 * may be several, each with numbers of its own; at depth 0 there is one.
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
	return level ? number_at(task->group_leader, level) : READ(task, tgid);
}

#endif
