/* SPDX-License-Identifier: GPL-2.0-only */
/* The map of watched tasks, which all programs of the engine share. */
#ifndef MAZE_BPF_TASKS_BPF_H
#define MAZE_BPF_TASKS_BPF_H

#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "shared.h"

#define MAZE_INLINE static __always_inline

/* Watched tasks and maze's own processes. The kernel frees a value with its task. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct maze_task);
} tasks SEC(".maps");

/* Whether a task's control group (version 2) can be read. */
MAZE_INLINE bool has_cgroups(void)
{
	return bpf_core_field_exists(struct task_struct, cgroups) &&
	       bpf_core_field_exists(struct css_set, dfl_cgrp);
}

MAZE_INLINE struct maze_task *watched_task(struct task_struct *task)
{
	struct maze_task *watched = bpf_task_storage_get(&tasks, task, 0, 0);

	return watched && watched->role == MAZE_ROLE_WATCHED ? watched : 0;
}

/* Returns the CPU time of a task at its last switch or tick. */
MAZE_INLINE maze_u64 booked_runtime(struct task_struct *task)
{
	return READ(task, se.sum_exec_runtime);
}

/* Excludes an exiting task, which keeps its watch if the exit handler missed it. */
MAZE_INLINE struct maze_task *listed_watch(struct task_struct *task)
{
	return READ(task, flags) & PF_EXITING ? 0 : watched_task(task);
}

/* Returns the count at the last switch or tick. Other CPUs cannot read a later one. */
MAZE_INLINE maze_u64 listed_count(struct task_struct *task, struct maze_task *watched)
{
	maze_u64 sum = booked_runtime(task);

	if (!watched->account.begun || sum <= watched->account.runtime_ns)
		return watched->account.count_ns;
	return watched->account.count_ns + (sum - watched->account.runtime_ns);
}

#endif
