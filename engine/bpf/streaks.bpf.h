/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Adds the streaks of observed tasks to their classes (core/streaks.h). The class of a task
 * is found at its first streak, and again at the first streak after an execve, so neither
 * fork nor execve costs more. CPUs add to a class at the same time, without a lock.
 *
 * Always: a slot of streak_classes belongs to one key at most, because only the CPU that
 * has added the key to streak_indexes takes a slot for it.
 */
#ifndef MAZE_BPF_STREAKS_BPF_H
#define MAZE_BPF_STREAKS_BPF_H

#include "process_info.bpf.h"
#include "yields.bpf.h"

MAZE_INLINE bool has_program_identity(void)
{
	return bpf_core_field_exists(struct task_struct, mm) &&
	       bpf_core_field_exists(struct mm_struct, exe_file) &&
	       bpf_core_field_exists(struct file, f_path) &&
	       bpf_core_field_exists(struct path, dentry) &&
	       bpf_core_field_exists(struct dentry, d_name) &&
	       bpf_core_field_exists(struct qstr, name) &&
	       bpf_core_field_exists(struct file, f_inode) &&
	       bpf_core_field_exists(struct inode, i_ino) &&
	       bpf_core_field_exists(struct inode, i_sb) &&
	       bpf_core_field_exists(struct super_block, s_dev);
}

MAZE_INLINE bool observes(struct maze_task *watched)
{
	return watched->policy.flags & MAZE_POLICY_OBSERVE;
}

/* Returns the number of the task's execve calls, and of those that it inherited. */
MAZE_INLINE maze_u64 exec_id_of(struct task_struct *task)
{
	return bpf_core_field_exists(struct task_struct, self_exec_id) ? READ(task, self_exec_id)
								       : 0;
}

/* Fills the slot of a new class, and returns its index plus 1. */
MAZE_INLINE maze_u32 fill_class(const struct maze_streak_key *key, struct file *file)
{
	maze_u32 index = __sync_fetch_and_add(&state.streak_classes, 1);
	struct maze_streaks *class;

	if (index >= MAZE_STREAK_OTHERS)
		return MAZE_STREAK_OTHERS + 1;
	class = bpf_map_lookup_elem(&streak_classes, &index);
	if (!class)
		return MAZE_STREAK_OTHERS + 1;
	class->tag = key->tag;
	class->inode = key->inode;
	class->device = key->device;
	if (file)
		bpf_probe_read_kernel_str(class->program, sizeof(class->program),
					  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return index + 1;
}

/*
 * Returns the index of the task's class plus 1, and adds the class if it is new. 0: another
 * CPU is adding it. In older kernels, a task that exits has no program any more.
 */
static __noinline int class_of(struct task_struct *task, maze_u64 tag)
{
	struct maze_streak_key key = { .tag = tag };
	struct file *file = 0;
	maze_u32 *slot, none = 0;

	if (!task)
		return 0;
	if (has_program_identity())
		file = BPF_CORE_READ(task, mm, exe_file);
	if (file) {
		key.inode = PROBE(BPF_CORE_READ(file, f_inode), i_ino);
		key.device = PROBE(BPF_CORE_READ(file, f_inode, i_sb), s_dev);
	}
	slot = bpf_map_lookup_elem(&streak_indexes, &key);
	if (!slot) {
		if (bpf_map_update_elem(&streak_indexes, &key, &none, BPF_NOEXIST))
			return MAZE_STREAK_OTHERS + 1;
		slot = bpf_map_lookup_elem(&streak_indexes, &key);
		if (!slot)
			return MAZE_STREAK_OTHERS + 1;
		__sync_lock_test_and_set(slot, fill_class(&key, file));
	}
	return *(volatile maze_u32 *)slot;
}

/* Returns the index of the class plus 1, and keeps it for the next streak of the task. */
static __noinline int find_class(struct task_struct *task, struct maze_task *watched,
				 maze_u64 exec_id)
{
	maze_u32 index, number = 0;
	struct maze_streaks *class;

	if (!task || !watched)
		return 0;
	number = class_of(task, watched->tag);
	if (!number)
		return MAZE_STREAK_OTHERS + 1;
	watched->streak_class = number;
	watched->exec_id = exec_id;
	index = number - 1;
	class = bpf_map_lookup_elem(&streak_classes, &index);
	if (!class)
		return 0;
	class->pid = probed_process_number_at(task, state.pid_level);
	if (PROBE(task, pid) == PROBE(task, tgid))
		__sync_fetch_and_add(&class->processes, 1);
	return number;
}

static __noinline int note_longest(struct task_struct *task, struct maze_streaks *class,
				   maze_u64 streak_ns)
{
	maze_u64 longest_ns;
	int attempt;

	if (!task || !class)
		return 0;
	for (attempt = 0; attempt < 4; attempt++) {
		longest_ns = *(volatile maze_u64 *)&class->longest_ns;
		if (longest_ns >= streak_ns)
			return 0;
		if (__sync_val_compare_and_swap(&class->longest_ns, longest_ns, streak_ns) ==
		    longest_ns)
			break;
	}
	class->longest_at_ns = bpf_ktime_get_boot_ns();
	class->longest_pid = probed_process_number_at(task, state.pid_level);
	class->longest_tid = probed_thread_number_at(task, state.pid_level);
	read_name(class->longest_comm, task);
	*(volatile maze_u64 *)&class->longest_seen_ns = streak_ns;
	return 0;
}

/* A streak that has ended (streak_ns 0: none), and the CPU time of the ended episodes. */
struct streak_facts {
	struct task_struct *task;
	maze_u64 exec_id;
	maze_u64 streak_ns;
	maze_u64 spent_ns;
};

/*
 * Not static: see maze_notify(). For the verifier, the task that it gets with the facts is
 * any address.
 */
__noinline int maze_add_streak(struct maze_task *watched, const struct streak_facts *facts)
{
	maze_u64 streak_ns;
	struct maze_streaks *class;
	maze_u32 index;

	if (!watched || !facts)
		return 0;
	index = watched->streak_class;
	if (!index || watched->exec_id != facts->exec_id)
		index = find_class(facts->task, watched, facts->exec_id);
	index--;
	class = bpf_map_lookup_elem(&streak_classes, &index);
	if (!class)
		return 0;
	if (facts->spent_ns)
		__sync_fetch_and_add(&class->cpu_ns, facts->spent_ns);
	streak_ns = facts->streak_ns;
	if (!streak_ns)
		return 0;
	index = maze_streak_bucket(streak_ns);
	HIDE(index);
	index &= MAZE_STREAK_BUCKETS - 1;
	__sync_fetch_and_add(&class->buckets[index], 1);
	if (streak_ns > class->longest_ns)
		note_longest(facts->task, class, streak_ns);
	return 0;
}

/* The caller has tested observes(). */
MAZE_INLINE void add_streak(struct task_struct *task, struct maze_task *watched, maze_u64 streak_ns,
			    maze_u64 spent_ns)
{
	struct streak_facts facts = { .task = task,
				      .exec_id = exec_id_of(task),
				      .streak_ns = streak_ns,
				      .spent_ns = spent_ns };

	maze_add_streak(watched, &facts);
}

/* A step has ended an episode. An observed task keeps the yield probe. */
MAZE_INLINE void end_episode(struct task_struct *task, struct maze_task *watched,
			     const struct maze_verdict *verdict)
{
	if (observes(watched))
		add_streak(task, watched, verdict->ended ? verdict->streak_ns : 0,
			   verdict->spent_ns);
	else
		release_yield_probe(watched);
}

/*
 * Notes that the current task yields, as maze_note_yield() does, and adds the streak that
 * this ends. The first yield since the probe was attached may follow yields that it missed.
 */
MAZE_INLINE void note_own_yield(struct task_struct *task, struct maze_task *watched,
				struct maze_cpu *cpu, bool booked)
{
	maze_u64 noted_ns = watched->yield_ns;

	maze_note_yield(watched, cpu, booked);
	if (!observes(watched) || watched->yield_ns <= noted_ns)
		return;
	if (needs_attached_probe(watched) && watched->yield_probe != state.yield_probe &&
	    noted_ns <= watched->account.yield_ns)
		return;
	add_streak(task, watched, maze_yield_streak(&watched->account, noted_ns, watched->yield_ns),
		   0);
}

/* The end of a task ends its streak. */
MAZE_INLINE void add_last_streak(struct task_struct *task, struct maze_task *watched)
{
	if (observes(watched))
		add_streak(task, watched, maze_streak(&watched->account),
			   watched->account.runtime_ns - watched->account.from_ns);
}

#endif
