/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes process infos (core/stack.h) while the runaway thread is current, because only
 * then its memory can be read. Nothing here waits, so a field whose memory is paged out
 * stays empty.
 *
 * The `args` of the log slot are the scratch space for `exe`. So a program that
 * interrupts this one does not use the same space. The log is written like those of
 * records.bpf.h.
 */
#ifndef MAZE_BPF_PROCESS_INFOS_BPF_H
#define MAZE_BPF_PROCESS_INFOS_BPF_H

#include "records.bpf.h"

/* The most steps from a file to the root. Few paths of 512 bytes have more. */
#define PATH_STEPS_MAX 96
#define PATH_NAME_MAX 255U /* NAME_MAX, include/uapi/linux/limits.h */
_Static_assert(MAZE_PROCESS_INFO_PATH + PATH_NAME_MAX + 1 <= MAZE_PROCESS_INFO_ARGS,
	       "a path, plus a name that does not fit it, fit into args");

/*
 * The verifier needs the bound that follows. Hides the value from the optimiser, which
 * would remove the bound as redundant.
 */
#define HIDE(value) asm volatile("" : "+r"(value))

/* A walk from a file up to the root. The path so far is text[begin..]. */
struct path_walk {
	struct dentry *dentry;
	struct mount *mount;
	char *text;
	maze_u32 begin;
	maze_u32 cut;
};

MAZE_INLINE struct mount *mount_of(struct vfsmount *mount)
{
	return (struct mount *)((maze_u64)mount - bpf_core_field_offset(struct mount, mnt));
}

/* Puts a name before the path. Returns false if the name does not fit. */
MAZE_INLINE bool prepend(struct path_walk *walk, struct dentry *dentry)
{
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	maze_u32 length = PROBE(dentry, d_name.len), begin = walk->begin;

	if (length > PATH_NAME_MAX || length + 1 > begin) {
		walk->cut = 1;
		return false;
	}
	begin -= length + 1;
	walk->begin = begin;
	HIDE(begin);
	begin &= MAZE_PROCESS_INFO_PATH - 1;
	HIDE(length);
	length &= PATH_NAME_MAX;
	walk->text[begin] = '/';
	bpf_probe_read_kernel(&walk->text[begin + 1], length, name);
	return true;
}

/* Takes one step of the walk. Returns 1 after the last step. */
static long walk_up(maze_u32 index, struct path_walk *walk)
{
	struct dentry *dentry = walk->dentry, *parent;
	struct mount *mount = walk->mount, *above;

	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		above = BPF_CORE_READ(mount, mnt_parent);
		if (!above || above == mount)
			return 1;
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = above;
		return 0;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (!prepend(walk, dentry))
		return 1;
	walk->dentry = parent;
	/* A file of memfd_create(2) has no directory, so the walk ends at the file. */
	return !parent || parent == dentry;
}

MAZE_INLINE bool has_paths(void)
{
	return bpf_core_field_exists(struct task_struct, mm) &&
	       bpf_core_field_exists(struct mm_struct, exe_file) &&
	       bpf_core_field_exists(struct file, f_path) &&
	       bpf_core_field_exists(struct path, mnt) &&
	       bpf_core_field_exists(struct path, dentry) &&
	       bpf_core_field_exists(struct vfsmount, mnt_root) &&
	       bpf_core_field_exists(struct mount, mnt) &&
	       bpf_core_field_exists(struct mount, mnt_parent) &&
	       bpf_core_field_exists(struct mount, mnt_mountpoint) &&
	       bpf_core_field_exists(struct dentry, d_parent) &&
	       bpf_core_field_exists(struct dentry, d_name) &&
	       bpf_core_field_exists(struct qstr, len) && bpf_core_field_exists(struct qstr, name);
}

/* Returns the dentry of the task's executable; 0: none or unknown. */
MAZE_INLINE maze_u64 program_of(struct task_struct *task)
{
	if (!bpf_core_field_exists(struct task_struct, mm) ||
	    !bpf_core_field_exists(struct mm_struct, exe_file) ||
	    !bpf_core_field_exists(struct file, f_path) ||
	    !bpf_core_field_exists(struct path, dentry))
		return 0;
	return (maze_u64)BPF_CORE_READ(task, mm, exe_file, f_path.dentry);
}

static __noinline int take_exe(struct task_struct *task, struct maze_process_info *process_info)
{
	struct file *file;
	struct path_walk walk = {};
	maze_u32 length, begin;

	if (!task || !process_info)
		return 0;
	process_info->exe[0] = '\0';
	if (!has_paths())
		return 0;
	file = untrusted(task)->mm->exe_file;
	if (!file)
		return 0;
	walk.dentry = BPF_CORE_READ(file, f_path.dentry);
	walk.mount = mount_of(BPF_CORE_READ(file, f_path.mnt));
	walk.text = process_info->args;
	walk.begin = MAZE_PROCESS_INFO_PATH - 1;
	if (bpf_loop(PATH_STEPS_MAX, walk_up, &walk, 0) == PATH_STEPS_MAX)
		walk.cut = 1;
	if (walk.cut)
		process_info->flags |= MAZE_PROCESS_INFO_EXE_CUT;
	begin = walk.begin & (MAZE_PROCESS_INFO_PATH - 1);
	length = MAZE_PROCESS_INFO_PATH - 1 - begin;
	HIDE(length);
	length &= MAZE_PROCESS_INFO_PATH - 1;
	bpf_probe_read_kernel(process_info->exe, length, &process_info->args[begin]);
	process_info->exe[length] = '\0';
	return 0;
}

MAZE_INLINE bool read_args(struct maze_process_info *process_info, maze_u64 start, maze_u32 size)
{
	HIDE(size);
	if (size > MAZE_PROCESS_INFO_ARGS ||
	    bpf_probe_read_user(process_info->args, size, (const void *)start))
		return false;
	process_info->args_size = size;
	return true;
}

static __noinline int take_args(struct task_struct *task, struct maze_process_info *process_info)
{
	maze_u64 start, size, in_page;
	struct mm_struct *mm;

	if (!task || !process_info)
		return 0;
	process_info->args_size = 0;
	if (!bpf_core_field_exists(struct task_struct, mm) ||
	    !bpf_core_field_exists(struct mm_struct, arg_start) ||
	    !bpf_core_field_exists(struct mm_struct, arg_end))
		return 0;
	mm = BPF_CORE_READ(task, mm);
	start = PROBE(mm, arg_start);
	size = PROBE(mm, arg_end) - start;
	if (!start || (long long)size <= 0)
		return 0;
	if (size > MAZE_PROCESS_INFO_ARGS) {
		size = MAZE_PROCESS_INFO_ARGS;
		process_info->flags |= MAZE_PROCESS_INFO_ARGS_CUT;
	}
	if (read_args(process_info, start, size))
		return 0;
	/* Some arguments are paged out, so try the part in their first page. */
	in_page = 4096 - start % 4096;
	process_info->flags |= MAZE_PROCESS_INFO_ARGS_CUT;
	if (in_page < size)
		read_args(process_info, start, in_page);
	return 0;
}

/* Takes a process info of the current task. See maze_notify() for why it is global. */
__noinline int maze_take_process_info(struct maze_task *watched)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u64 seq =
		__sync_fetch_and_add(&state.evidence_heads[MAZE_EVIDENCE_PROCESS_INFOS], 1) + 1;
	maze_u32 slot = (seq - 1) % MAZE_PROCESS_INFO_LOG_LEN;
	struct maze_process_info *process_info = bpf_map_lookup_elem(&process_info_log, &slot);

	if (!process_info || !watched)
		return 0;
	*(volatile maze_u64 *)&process_info->seq = 0;
	process_info->boot_ns = bpf_ktime_get_boot_ns();
	process_info->start_ns = 0;
	if (bpf_core_field_exists(struct task_struct, start_boottime))
		process_info->start_ns = READ(untrusted(task)->group_leader, start_boottime);
	process_info->cgroup = cgroup_of(task);
	process_info->tag = watched->tag;
	process_info->pid = process_number(task);
	process_info->tid = thread_number(task);
	process_info->ppid = 0;
	if (bpf_core_field_exists(struct task_struct, real_parent))
		process_info->ppid = process_number(untrusted(task)->group_leader->real_parent);
	process_info->uid = user_of(task);
	process_info->episode = watched->sampled - 1;
	process_info->flags = 0;
	read_name(process_info->comm, untrusted(task)->group_leader);
	take_exe(task, process_info);
	take_args(task, process_info);
	__sync_lock_test_and_set(&process_info->seq, seq);
	return maze_notify(state.notify_evidence);
}

#endif
