/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the CPU time of the children that a process has waited for. The kernel has it in
 * ns, and /proc shows it in clock ticks. This is a BPF object of its own, which runs only
 * when it is read.
 */
#include "kernel_types.h"

#include "children_time.h"

char LICENSE[] SEC("license") = "GPL";

struct children_time children_time = {};

/* Flavors of the kernel's types: CO-RE ignores the part after "___". */
struct seqcount___times {
	unsigned int sequence;
} __attribute__((preserve_access_index));

struct seqcount_spinlock___times {
	struct seqcount___times seqcount;
} __attribute__((preserve_access_index));

struct seqlock___times {
	struct seqcount_spinlock___times seqcount;
} __attribute__((preserve_access_index));

struct signal_struct___times {
	struct seqlock___times stats_lock;
	maze_u64 cutime, cstime;
} __attribute__((preserve_access_index));

struct task_struct___times {
	struct signal_struct___times *signal;
} __attribute__((preserve_access_index));

SEC("iter/task")
int children__read(struct bpf_iter__task *ctx)
{
	struct task_struct___times *task = (void *)ctx->task;
	struct signal_struct___times *signal;
	maze_u32 sequence;

	if (!task)
		return 0;
	children_time.tasks++;
	signal = task->signal;
	/* The kernel adds to both times between two increments of the sequence. */
	sequence = READ(signal, stats_lock.seqcount.seqcount.sequence);
	__sync_fetch_and_add(&children_time.barriers, 1);
	children_time.ns = READ(signal, cutime) + READ(signal, cstime);
	__sync_fetch_and_add(&children_time.barriers, 1);
	children_time.torn =
		sequence & 1 || sequence != READ(signal, stats_lock.seqcount.seqcount.sequence);
	return 0;
}
