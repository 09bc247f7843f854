/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the running kernel offers the bpf engine, found out without leaving
 * anything behind. The one place that asks; load.c and doctor only read answers.
 */
#ifndef MAZE_BPF_KERNEL_PROBE_H
#define MAZE_BPF_KERNEL_PROBE_H

#include <stdbool.h>

#include "../../base/error.h"
#include "shared.h"

enum yield_method {
	YIELD_BY_NOTHING,
	YIELD_BY_FENTRY,
	YIELD_BY_SCHED_EXIT,
	YIELD_BY_SYS_ENTER,
};

struct kernel_offer {
	enum yield_method yield;
	bool has_sched_info;   /* finite recovery can tell sleeping from waiting */
	bool has_late_inherit; /* handle__sched_wakeup_new may be attached */
	bool has_clock_members;
	bool has_nohz_full;
	char losses[400];  /* for want of members: kernel_members_losses() */
	int clock_refused; /* errno of a perf event that reads the scheduler's clock; 0: none */
	long long steal_delta, irq_total_delta, irq_start_delta;
	bool has_steal, steal_unknown, has_irqtime;
	bool has_unwinder; /* kernel stacks can be taken */
	long long irq_stack_delta, irq_inuse_delta;
	bool has_irq_stack; /* and what is an interrupt's in them is told apart */
	maze_u32 cpus;
};

/*
 * 0, or why the engine cannot run here: -EPERM (capabilities), -EOPNOTSUPP (the
 * kernel lacks something); the sentence says which and what would help.
 */
int kernel_probe(struct kernel_offer *ret_offer, struct maze_error *error);

/*
 * A counting (never sampling) cpu-clock event of one CPU, which reads the scheduler's
 * clock; -errno. Kernels whose kernel.perf_event_paranoid can be 3 (Debian's) ask for
 * CAP_SYS_ADMIN there.
 */
int kernel_open_clock(int cpu);

/* The id of tracepoint `event` of `system`, or -errno: tracefs is needed for it. */
int kernel_tracepoint_id(const char *system, const char *event);

/* The file with the kernel's types, where that is another than the running kernel's. */
const char *kernel_btf_path(void);

const char *kernel_yield_text(enum yield_method method);

#endif
