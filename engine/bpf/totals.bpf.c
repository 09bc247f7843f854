/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Adds up the watches by tag. This is a BPF object of its own, because the loop over tasks
 * exists since Linux 6.7. It runs only when the totals are read.
 *
 * The loop takes 0.1 us for each task. An iterator program, as that of the list, takes 0.6
 * us: the kernel looks up each task by its number, and takes a reference.
 */
#include "numbers.bpf.h"

#include "totals.h"

char LICENSE[] SEC("license") = "GPL";

struct totals_state totals_state = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TOTALS_MAX);
	__type(key, maze_u64);
	__type(value, struct maze_total);
} totals SEC(".maps");

/* The iterator is opaque. */
struct bpf_iter_task {
	maze_u64 opaque[3];
};
/* enum of kernel/bpf/task_iter.c */
#define BPF_TASK_ITER_ALL_THREADS 1

extern int bpf_iter_task_new(struct bpf_iter_task *iterator, struct task_struct *task,
			     unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *iterator) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *iterator) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

MAZE_INLINE struct maze_total *total_of(maze_u64 tag)
{
	struct maze_total fresh = { .tag = tag }, *total = bpf_map_lookup_elem(&totals, &tag);

	if (total)
		return total;
	bpf_map_update_elem(&totals, &tag, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&totals, &tag);
}

/*
 * The list has the tasks of the reader's PID namespace and of those in it. NULL: the initial
 * one, which has all tasks.
 */
struct place {
	struct pid_namespace *ns;
	maze_u32 level;
	maze_u32 process; /* the last one that was compared, because its threads are neighbours */
	bool has_process;
};

MAZE_INLINE struct pid_namespace *namespace_at(struct pid *pid, maze_u32 level)
{
	return PROBE(pid, level) < level ? NULL : BPF_CORE_READ(upid_at(pid, level), ns);
}

MAZE_INLINE struct place own_place(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pid *pid;
	maze_u32 level;

	if (!has_namespaces())
		return (struct place){};
	pid = BPF_CORE_READ(task, thread_pid);
	level = PROBE(pid, level);
	return (struct place){ .ns = level ? namespace_at(pid, level) : NULL, .level = level };
}

MAZE_INLINE bool has_task(struct place *place, struct task_struct *task)
{
	maze_u32 process = READ(task, tgid), level = place->level;

	if (place->process != process) {
		place->process = process;
		place->has_process =
			namespace_at(BPF_CORE_READ(task, thread_pid), level) == place->ns;
	}
	return place->has_process;
}

MAZE_INLINE void add(struct task_struct *task, struct place *place)
{
	struct maze_task *watched = listed_watch(task);
	struct maze_total *total;

	if (!watched || (place->ns && !has_task(place, task)))
		return;
	total = total_of(watched->tag);
	if (total)
		maze_total_add(total, listed_count(task, watched), watched->policy.soft_ns,
			       watched->policy.hard_ns);
	else
		totals_state.missed++;
}

SEC("syscall")
int totals__add_up(void *unused)
{
	struct place place = own_place();
	struct bpf_iter_task iterator;
	struct task_struct *task;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&iterator, NULL, BPF_TASK_ITER_ALL_THREADS);
	while ((task = bpf_iter_task_next(&iterator)))
		add(task, &place);
	bpf_iter_task_destroy(&iterator);
	bpf_rcu_read_unlock();
	return 0;
}
