/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the features of the running kernel that the bpf engine can use. A probe leaves no
 * changes behind. load.c and doctor use the results and do not probe themselves.
 */
#ifndef MAZE_BPF_KERNEL_PROBE_H
#define MAZE_BPF_KERNEL_PROBE_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>
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
	bool has_yield_scx;    /* the kernel has the scheduling class of sched_ext */
	bool has_sched_info;   /* sleeping and waiting for a CPU can be distinguished */
	bool has_late_inherit; /* handle__sched_wakeup_new can be attached */
	bool has_clock_members;
	bool has_nohz_full;
	char losses[400];  /* of kernel_members_losses() */
	int clock_refused; /* errno of kernel_open_clock(); 0: it succeeds */
	/* These members have the same meaning as in struct maze_config. */
	long long steal_delta, irq_total_delta, irq_start_delta;
	bool has_steal, steal_unknown, has_irqtime;
	bool has_unwinder; /* kernel stacks can be taken */
	long long irq_stack_delta, irq_inuse_delta;
	bool has_irq_stack;
	maze_u32 cpus, task_type, registers_type;
};

/*
 * Returns 0 if the engine can run here. -EPERM: a capability is missing. -EOPNOTSUPP: the
 * kernel lacks something. *error names the remedy. The caller frees the kernel's types;
 * NULL: it does not need them.
 */
int kernel_probe(struct kernel_offer *ret_offer, struct btf **ret_types, struct maze_error *error);

/* Returns -EPERM, and names what is missing, if this process may not load BPF programs. */
int kernel_check_rights(struct maze_error *error);

/*
 * Opens a counting (never sampling) cpu-clock event of one CPU, which reads the
 * scheduler's clock. Returns a descriptor or -errno. If kernel.perf_event_paranoid is 3
 * (Debian), the caller needs CAP_SYS_ADMIN.
 */
int kernel_open_clock(int cpu);

/* Returns the ID of tracepoint `system`:`event`, or -errno. Needs tracefs. */
int kernel_tracepoint_id(const char *system, const char *event);

/* Returns the BTF file that replaces the types of the running kernel; NULL: none. */
const char *kernel_btf_path(void);

/* A print function for libbpf: standard error if MAZE_DEBUG is set, otherwise nothing. */
int kernel_print_if_debug(enum libbpf_print_level level, const char *format, va_list args);
/*
 * Returns the error of a load for the caller: -EPERM, -EACCES, -ENOMEM or -EOPNOTSUPP.
 * libbpf has -ESRCH for missing types; callers must not take it for the end of a thread.
 */
int kernel_load_error(int err);

/* Describes the method in the report of `maze doctor`. */
const char *kernel_yield_text(enum yield_method method);

#endif
