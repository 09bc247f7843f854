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

#endif
