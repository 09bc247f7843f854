/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the current task's disposition of a signal (core/delivery.h) at a verdict. */
#ifndef MAZE_BPF_DISPOSITION_BPF_H
#define MAZE_BPF_DISPOSITION_BPF_H

#include "../../core/delivery.h"
#include "records.bpf.h"

/* CO-RE does not relocate an array index, so this computes the element's address. */
MAZE_INLINE bool read_handler(struct task_struct *task, maze_u32 signal, maze_u64 *ret_handler)
{
	struct sighand_struct *sighand = BPF_CORE_READ(task, sighand);
	char *at = (char *)sighand + bpf_core_field_offset(sighand->action);

	at += (signal - 1) * bpf_core_type_size(struct k_sigaction);
	at += bpf_core_field_offset(struct k_sigaction, sa);
	at += bpf_core_field_offset(struct sigaction, sa_handler);
	return sighand && !bpf_probe_read_kernel(ret_handler, sizeof(*ret_handler), at);
}

/* A signal set has 64 bits on all supported architectures. */
MAZE_INLINE bool read_blocked(struct task_struct *task, maze_u64 *ret_blocked)
{
	char *at = (char *)task + bpf_core_field_offset(task->blocked);

	return !bpf_probe_read_kernel(ret_blocked, sizeof(*ret_blocked), at);
}

/* See maze_notify() for why this function is global. */
__noinline int maze_disposition(maze_u32 signal)
{
	struct task_struct *task = bpf_get_current_task_btf();
	maze_u32 disposition = MAZE_DISPOSITION_KNOWN;
	maze_u64 handler = 0, blocked = 0;

	if (!signal || signal > MAZE_SIGNAL_MAX ||
	    !bpf_core_field_exists(struct task_struct, sighand) ||
	    !bpf_core_field_exists(struct sighand_struct, action) ||
	    !bpf_core_field_exists(struct k_sigaction, sa) ||
	    !bpf_core_field_exists(struct sigaction, sa_handler) ||
	    !bpf_core_field_exists(struct task_struct, blocked) ||
	    !bpf_core_field_exists(struct task_struct, signal) ||
	    !bpf_core_field_exists(struct signal_struct, flags))
		return 0;
	if (!read_handler(task, signal, &handler) || !read_blocked(task, &blocked))
		return 0;
	if (handler > 1)
		disposition |= MAZE_DISPOSITION_CAUGHT;
	else if (handler)
		disposition |= MAZE_DISPOSITION_IGNORED;
	if (blocked >> (signal - 1) & 1)
		disposition |= MAZE_DISPOSITION_BLOCKED;
	if (PROBE(BPF_CORE_READ(task, signal), flags) & SIGNAL_UNKILLABLE)
		disposition |= MAZE_DISPOSITION_INIT;
	return (int)disposition;
}

#endif
