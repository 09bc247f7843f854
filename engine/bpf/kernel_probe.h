/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the running kernel offers the bpf engine. Probing leaves nothing behind. load.c
 * and doctor use the results and do not probe themselves.
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
	bool has_sched_info;   /* sleeping and waiting for a CPU can be distinguished */
	bool has_late_inherit; /* handle__sched_wakeup_new may be attached */
	bool has_clock_members;
	bool has_nohz_full;
	char losses[400];  /* of kernel_members_losses() */
	int clock_refused; /* errno of kernel_open_clock(); 0: it works */
	/* Deltas and what depends on them: as in struct maze_config. */
	long long steal_delta, irq_total_delta, irq_start_delta;
	bool has_steal, steal_unknown, has_irqtime;
	bool has_unwinder; /* kernel stacks can be taken */
	long long irq_stack_delta, irq_inuse_delta;
	bool has_irq_stack;
	maze_u32 cpus;
};

/*
 * 0, or why the engine cannot run here: -EPERM (capabilities) or -EOPNOTSUPP (the kernel
 * lacks something). *error names the remedy.
 */
int kernel_probe(struct kernel_offer *ret_offer, struct maze_error *error);

/*
 * Opens a counting (never sampling) cpu-clock event of one CPU, which reads the
 * scheduler's clock. A descriptor, or -errno. With kernel.perf_event_paranoid=3 (Debian)
 * it needs CAP_SYS_ADMIN.
 */
int kernel_open_clock(int cpu);

/* The ID of tracepoint `system`:`event`, or -errno. Needs tracefs. */
int kernel_tracepoint_id(const char *system, const char *event);

/* The file that replaces the running kernel's types; NULL: none. */
const char *kernel_btf_path(void);

/* For the report of doctor. */
const char *kernel_yield_text(enum yield_method method);

#endif
