/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The numbers of tasks as a pid namespace of a given depth has them.
 */
#ifndef MAZE_BPF_NUMBERS_BPF_H
#define MAZE_BPF_NUMBERS_BPF_H

#include "tasks.bpf.h"

/*
 * A task's number in the pid namespace of the engine's owner; 0 if it is not in
 * it. The struct pid is read as plain memory: its array is indexed by a variable.
 */
MAZE_INLINE maze_u32 number_at(struct task_struct *task, maze_u32 wanted)
{
	maze_u64 pid = 0;
	maze_u32 level = 0, nr = 0;

	bpf_probe_read_kernel(&pid, sizeof(pid), &task->thread_pid);
	if (!pid)
		return 0;
	bpf_probe_read_kernel(&level, sizeof(level),
			      (const void *)(pid + bpf_core_field_offset(struct pid, level)));
	if (level < wanted)
		return 0;
	pid += bpf_core_field_offset(struct pid, numbers) +
	       (maze_u64)wanted * bpf_core_type_size(struct upid) +
	       bpf_core_field_offset(struct upid, nr);
	bpf_probe_read_kernel(&nr, sizeof(nr), (const void *)pid);
	return nr;
}

/*
 * Is that number one of the namespace with this inode number? At the same depth there
 * may be several, each with numbers of its own; at depth 0 there is one.
 */
MAZE_INLINE bool number_is_of(struct task_struct *task, maze_u32 level, maze_u32 namespace)
{
	maze_u64 pid = 0, ns = 0;
	maze_u32 inum = 0;

	if (!level)
		return true;
	bpf_probe_read_kernel(&pid, sizeof(pid), &task->thread_pid);
	if (!pid)
		return false;
	pid += bpf_core_field_offset(struct pid, numbers) +
	       (maze_u64)level * bpf_core_type_size(struct upid) +
	       bpf_core_field_offset(struct upid, ns);
	bpf_probe_read_kernel(&ns, sizeof(ns), (const void *)pid);
	if (!ns)
		return false;
	bpf_probe_read_kernel(&inum, sizeof(inum),
			      (const void *)(ns + bpf_core_field_offset(struct pid_namespace, ns) +
					     bpf_core_field_offset(struct ns_common, inum)));
	return inum == namespace;
}

MAZE_INLINE maze_u32 thread_number_at(struct task_struct *task, maze_u32 level)
{
	return level ? number_at(task, level) : (maze_u32)task->pid;
}

MAZE_INLINE maze_u32 process_number_at(struct task_struct *task, maze_u32 level)
{
	return level ? number_at(task->group_leader, level) : (maze_u32)task->tgid;
}

#endif
