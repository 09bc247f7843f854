/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps and globals of the BPF program; pins.c pins them together. */
#ifndef MAZE_BPF_MAPS_BPF_H
#define MAZE_BPF_MAPS_BPF_H

#include "kernel_types.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "shared.h"
#include "tasks.bpf.h"

const volatile struct maze_config config = {};
struct maze_state state = {};

/*
 * User space stores a ticket on a process through its pidfd. Then the control iterator
 * finds tasks by number. A process without the ticket has reused the number, so the
 * iterator skips it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, maze_u64);
} tickets SEC(".maps");

/*
 * One value per possible CPU. The loader sets max_entries of this map and the next two.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, maze_u32);
	__type(value, struct maze_cpu);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, maze_u32);
	__type(value, struct maze_timer);
} timers SEC(".maps");

/* A counting (never sampling) cpu-clock event per CPU reads the scheduler's clock. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_PRESERVE_ELEMS);
	__type(key, maze_u32);
	__type(value, maze_u32);
} clocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAZE_LOG_LEN);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, maze_u32);
	__type(value, struct maze_record);
} verdict_log SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAZE_LOG_LEN);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, maze_u32);
	__type(value, struct maze_record);
} lifecycle_log SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAZE_STACK_LOG_LEN);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, maze_u32);
	__type(value, struct maze_stack);
} stack_log SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAZE_PROCESS_INFO_LOG_LEN);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, maze_u32);
	__type(value, struct maze_process_info);
} process_info_log SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAZE_RUN_LOG_LEN);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, maze_u32);
	__type(value, struct maze_runs);
} run_log SEC(".maps");

struct maze_wakeup {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MAZE_READERS_MAX);
	__type(key, maze_u32);
	__array(values, struct maze_wakeup);
} wakeups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, maze_u32);
	__type(value, struct maze_request);
} request SEC(".maps");

/* By tag. Without preallocation, because rules with an allowance are few. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAZE_ALLOWANCES_MAX);
	__type(key, maze_u64);
	__type(value, struct maze_allowance);
} allowances SEC(".maps");

/* Classes of streaks (core/streaks.h). The last one is that of the rest. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAZE_STREAK_CLASSES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, maze_u32);
	__type(value, struct maze_streaks);
} streak_classes SEC(".maps");

/* The index of a class, plus 1; 0: it is being added. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAZE_STREAK_CLASSES);
	__type(key, struct maze_streak_key);
	__type(value, maze_u32);
} streak_indexes SEC(".maps");

/* User space reads this map first when it opens a pinned engine, to compare the ABI. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, maze_u32);
	__type(value, struct maze_meta);
} meta SEC(".maps");

/* Kernels have this function since 6.2. The verifier replaces the call by a move. */
extern void *bpf_rdonly_cast(const void *object, maze_u32 type) __ksym __weak;

/*
 * The same task as an untrusted pointer. For each path to a load of a pointer through a
 * trusted one, the verifier searches all type names of the kernel three times, which
 * takes 0.6 ms (kernel/bpf/btf.c, btf_nested_type_is_trusted()).
 */
MAZE_INLINE struct task_struct *untrusted(struct task_struct *task)
{
	return bpf_rdonly_cast ? bpf_rdonly_cast(task, config.task_type) : task;
}

MAZE_INLINE struct maze_cpu *this_cpu(void)
{
	maze_u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

#endif
