/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map values that the BPF program and user space share. A pinned engine outlives the
 * program that loaded it. So any change of a layout, of a meaning or of a pin's name must
 * raise MAZE_BPF_ABI.
 */
#ifndef MAZE_BPF_SHARED_H
#define MAZE_BPF_SHARED_H

#include <linux/bpf.h>

#include "../../core/allowance.h"
#include "../../core/policy.h"
#include "../../core/record.h"
#include "../../core/runs.h"
#include "../../core/stack.h"
#include "../../core/step.h"
#include "../../core/streaks.h"

#define MAZE_BPF_MAGIC 0x4d415a45U /* "MAZE" */
#define MAZE_BPF_ABI 13U

/*
 * Number of records that a log keeps. Verdicts have a log of their own, because a storm
 * of forks and exits would overwrite them in a common log.
 */
#define MAZE_LOG_LEN 4096U
#define MAZE_LOG_VERDICTS 0
#define MAZE_LOG_LIFECYCLE 1
#define MAZE_LOGS 2

/*
 * Number of stacks and process infos kept. With the defaults, there is room for the
 * stacks of 20 runaway threads (2.4 MB), and for 256 process infos (0.4 MB).
 */
#define MAZE_STACK_LOG_LEN 1024U
#define MAZE_PROCESS_INFO_LOG_LEN 256U
/* Threads near their limits whose runs are noted at the same time (0.5 MB). */
#define MAZE_RUN_LOG_LEN 64U
#define MAZE_EVIDENCE_STACKS 0
#define MAZE_EVIDENCE_PROCESS_INFOS 1
#define MAZE_EVIDENCE_LOGS 2

/* Largest number of readers, one bit each in the notify_* masks. Each costs a page. */
#define MAZE_READERS_MAX 32U

/* Largest number of CPUs that a watch request can report as running its targets. */
#define MAZE_CPUS_MAX 8192U

struct maze_meta {
	maze_u32 magic;
	maze_u32 abi;
};

enum maze_role {
	MAZE_ROLE_NONE = 0,
	MAZE_ROLE_WATCHED,
	MAZE_ROLE_SELF, /* a process of maze: never watched */
};

/*
 * Values of maze_task.needs_yield_probe. WATCH_ENDED is final, so that an ended watch is
 * never counted again.
 */
enum maze_probe_need {
	MAZE_PROBE_NOT_NEEDED = 0,
	MAZE_PROBE_NEEDED, /* counted in maze_state.yield_probe_users */
	MAZE_PROBE_WATCH_ENDED,
};

/* Value of the task storage: the state of one watched task. */
struct maze_task {
	struct maze_policy policy;
	struct maze_account account; /* stepped only on the CPU that runs the task */
	maze_u64 tag;
	maze_u64 yield_ns;  /* runtime at the last yield that the probe saw */
	maze_u64 next_ns;   /* CPU time until the next check; 0: none */
	maze_u64 asleep_ns; /* start, by the rq clock, of a sleep without a reset; 0: none */
	maze_u64 waited_ns; /* sched_info.run_delay when that sleep began */
	maze_u64 nvcsw;	    /* voluntary switches at the last switch-out seen */
	maze_u32 role;	    /* enum maze_role */
	maze_u32 needs_yield_probe; /* enum maze_probe_need */
	maze_u32 retries;	    /* failed attempts at a signal while the kernel was busy */
	maze_u32 unsent;	    /* MAZE_FIRED_*: stages due and not yet recorded */
	maze_u32 yield_probe;	    /* number of the attachment since which no yield was missed */
	maze_u32 sampled;	    /* episode that has evidence, plus 1; 0: none */
	maze_u32 stacks;	    /* taken in that episode */
	maze_u32 streak_class;	    /* index in streak_classes, plus 1; 0: none yet */
	struct maze_tally due;	    /* of the verdict to which the unsent stages belong */
	maze_u64 stack_due_ns;	    /* runtime at which the next stack is due */
	maze_u64 exec_id;	    /* number of the execve for which streak_class is valid */
	maze_u64 runs;		    /* seq of its slot in run_log; 0: none */
	maze_u64 next;		    /* of maze_note_run(): the address of the task that follows */
	maze_u32 run_end;	    /* of maze_note_run(): how the task leaves the CPU */
	maze_u32 reserved;
};
_Static_assert(sizeof(struct maze_task) == 248, "struct maze_task is pinned");

/* A slot of run_log: the runs of one thread in one episode. */
struct maze_runs {
	maze_u64 seq;	  /* the slot is (seq - 1) % MAZE_RUN_LOG_LEN; 0: nothing to read */
	maze_u64 used_ns; /* CLOCK_BOOTTIME of the last note; 0: never */
	maze_u32 pid;
	maze_u32 tid;
	maze_u32 episode;
	maze_u32 reserved;
	maze_u64 head;		 /* runs noted; run n is in run[n % MAZE_RUNS_MAX] */
	struct maze_run verdict; /* the one of the last verdict; to_ns 0: none yet */
	struct maze_run run[MAZE_RUNS_MAX];
};
_Static_assert(sizeof(struct maze_runs) == 40 + 64 * (MAZE_RUNS_MAX + 1), "no hidden padding");

/* Key of the map from the program of a watch to the index of its class. */
struct maze_streak_key {
	maze_u64 tag;
	maze_u64 inode;
	maze_u32 device;
	maze_u32 reserved;
};

/* What handle__streaks writes for each observed task. */
struct maze_running_streak {
	maze_u64 streak_ns;
	maze_u32 class_index;
	maze_u32 pid;
	maze_u32 tid;
	maze_u32 reserved;
	char comm[MAZE_COMM_LEN];
};

/* One CPU's timer, and data to read its scheduler clock. Times are of the rq clock. */
struct maze_cpu {
	maze_u64 armed_until_ns;  /* 0: not armed */
	maze_u64 clock_offset_ns; /* lower bound of rq clock minus perf clock; 0: unknown */
	maze_u64 expiries;
	maze_u64 idle_ns;		    /* when the CPU last went idle with its timer armed */
	maze_u64 cancel_when_idle_until_ns; /* until then, going idle cancels the timer */
	maze_u64 recheck_delay_ns;	    /* of recheck_missed_switch(); 0: armed for a task */
	maze_u64 lag_ns;		    /* measured lateness of the timer */
	maze_u64 reserved;
};
_Static_assert(sizeof(struct maze_cpu) == 64, "one cache line, so that CPUs do not share");

/*
 * Timers have a separate map, because programs of the sys_enter probe's type may not use
 * maps with timers.
 */
struct maze_timer {
	struct bpf_timer timer;
	maze_u64 reserved[6];
};
_Static_assert(sizeof(struct maze_timer) == 64, "one cache line, so that CPUs do not share");

/* The action of the control iterator on each task. */
enum maze_request_kind {
	MAZE_REQUEST_WATCH = 1,
	MAZE_REQUEST_UNWATCH,
	MAZE_REQUEST_UNWATCH_ALL,
};

struct maze_request {
	struct maze_policy policy;
	maze_u64 tag;
	maze_u64 mask;	 /* struct engine_claim of engine.h */
	maze_u64 ticket; /* tasks of processes without this ticket are skipped */
	maze_u32 kind;
	/* The results follow: numbers of tasks. */
	maze_u32 done;
	maze_u32 refused_init;
	maze_u32 refused_kernel;
	maze_u32 refused_self;
	maze_u32 exiting;
	maze_u32 no_memory;
	maze_u32 kept; /* these had the policy and tag already, and keep their count */
	maze_u32 left; /* these have watches with a tag outside of the claim */
	maze_u32 reserved;
	maze_u64 running_on[MAZE_CPUS_MAX / 64]; /* CPUs that run a target now */
};
_Static_assert(sizeof(struct maze_request) == 96 + MAZE_CPUS_MAX / 8, "no hidden padding");

/* The process that owns a wakeup slot. If it is killed, another process can take the slot. */
struct maze_wakeup_owner {
	maze_u64 start_time; /* field 22 of /proc/PID/stat; 0: free */
	maze_u32 pid;
	maze_u32 reserved;
};

/*
 * The only writable global variable of the program, which user space maps too. The owner
 * of the engine is the process that loaded it.
 */
struct maze_state {
	maze_u64 heads[MAZE_LOGS]; /* records written to each log so far */
	maze_u64 verdicts;
	maze_u64 signals;
	maze_u64 inherit_failures;
	maze_u64 probe_lease_until_ns; /* yield_probe is valid until then (CLOCK_BOOTTIME) */
	maze_u32 yield_probe_users;    /* watched tasks that need the yield probe */
	/* Bit i of a notify_* mask is set if wakeup i is of that kind. */
	maze_u32 notify_records;
	maze_u32 notify_yield_probe; /* yield_probe_users changes from or to 0 */
	maze_u32 no_timer_pin;	     /* this kernel has no BPF_F_TIMER_CPU_PIN (before 6.7) */
	maze_u32 timers_ready;	     /* CPUs whose timer can be started */
	maze_u32 pid_level;	     /* depth of the owner's pid namespace */
	long long timer_error;	     /* why the next CPU's timer is not ready (-errno) */
	maze_u64 evidence_heads[MAZE_EVIDENCE_LOGS]; /* stacks, process infos taken so far */
	maze_u32 yield_probe;	    /* number of the probe's attachment; 0: not attached */
	maze_u32 yield_probes;	    /* attachments so far; user space only */
	maze_u64 stack_interval_ns; /* of a task's CPU time */
	maze_u32 stacks_max;	    /* per episode; 0: take no evidence */
	maze_u32 notify_evidence;
	struct maze_wakeup_owner owners[MAZE_READERS_MAX]; /* user space only */
	maze_u64 own_program;	 /* dentry of the executable of the owner */
	maze_u64 spared_program; /* dentry of the program that is exempt from verdicts; 0: none */
	maze_u64 frame_offset;	 /* of the kernel entry frame in a task's stack */
	maze_u32 timers_initialised; /* CPUs whose timer has been initialised */
	maze_u32 streak_classes;     /* classes so far; those beyond the maximum have none */
	maze_u64 run_logs;	     /* slots of run_log requested so far */
};

enum maze_yield_probe {
	MAZE_YIELD_NONE = 0,  /* yields are seen only at switches and in the timer */
	MAZE_YIELD_PERMANENT, /* fentry: always attached, no cost for other system calls */
	MAZE_YIELD_ON_DEMAND, /* the yield-probe service attaches it while it has users */
};

/*
 * Properties of this kernel. The loader finds them, and they never change afterwards. A
 * *_delta is the address of a per-CPU variable minus the address of that CPU's runqueue.
 */
struct maze_config {
	long long steal_delta;	   /* steal clock */
	long long irq_total_delta; /* interrupt time */
	long long irq_start_delta; /* when the current interrupt began */
	long long irq_stack_delta; /* pointer to the interrupt stack */
	long long irq_inuse_delta; /* byte: the interrupt stack is in use */
	maze_u64 pending_max_ns;   /* longest runtime between two updates by the tick */
	maze_u32 cpus;
	maze_u32 has_clock;	   /* perf cpu-clock events are open */
	maze_u32 has_steal;	   /* steal_delta is valid */
	maze_u32 steal_unknown;	   /* there may be steal that cannot be read */
	maze_u32 has_irqtime;	   /* irq_total_delta and irq_start_delta are valid */
	maze_u32 yield_probe;	   /* enum maze_yield_probe */
	maze_u32 probe_shift;	   /* a task needs the probe when its count is at limit >> this */
	maze_u32 has_sched_info;   /* sleeping and waiting for a CPU can be distinguished */
	maze_u32 has_irq_stack;	   /* irq_stack_delta and irq_inuse_delta are valid */
	maze_u32 has_late_inherit; /* handle__sched_wakeup_new is attached */
	maze_u32 task_type;	   /* ID of struct task_struct in the kernel's BTF */
	maze_u32 registers_type;   /* ID of struct pt_regs */
};

#endif
