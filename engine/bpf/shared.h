/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF program and its loader share: the values of the maps. Any change
 * of a layout or of a meaning here raises MAZE_BPF_ABI, because an engine that
 * is pinned outlives the program that loaded it.
 */
#ifndef MAZE_BPF_SHARED_H
#define MAZE_BPF_SHARED_H

#include <linux/bpf.h>

#include "../../core/policy.h"
#include "../../core/record.h"
#include "../../core/stack.h"
#include "../../core/step.h"

#define MAZE_BPF_MAGIC 0x4d415a45U /* "MAZE" */
#define MAZE_BPF_ABI 8U

/*
 * Records kept per log. Verdicts have a log of their own, so that a storm of
 * forks and exits cannot push out what matters.
 */
#define MAZE_LOG_LEN 4096U
#define MAZE_LOG_VERDICTS 0
#define MAZE_LOG_LIFECYCLE 1
#define MAZE_LOGS 2

/*
 * Evidence kept: the stacks of twenty mazed threads at what is taken unless asked
 * otherwise (2.4 MB), and the process_infos of more than ten times as many (0.4 MB).
 */
#define MAZE_STACK_LOG_LEN 1024U
#define MAZE_PROCESS_INFO_LOG_LEN 256U
#define MAZE_EVIDENCE_STACKS 0
#define MAZE_EVIDENCE_PROCESS_INFOS 1
#define MAZE_EVIDENCE_LOGS 2

/* Readers at once; each costs a page of ring that is used as a doorbell only. */
#define MAZE_READERS_MAX 32U

/* CPUs one watch request can report as running its targets. */
#define MAZE_CPUS_MAX 8192U

struct maze_meta {
	maze_u32 magic;
	maze_u32 abi;
};

/* Who a task is to maze. */
enum maze_role {
	MAZE_ROLE_NONE = 0,
	MAZE_ROLE_WATCHED,
	MAZE_ROLE_SELF, /* a process of maze's own: never watched */
};

/* maze_task.needs_yield_probe. The last is final, so that a watch that was replaced leaves no count. */
enum maze_probe_need {
	MAZE_PROBE_NOT_NEEDED = 0,
	MAZE_PROBE_NEEDED,	/* counted in maze_state.yield_probe_users */
	MAZE_PROBE_WATCH_ENDED, /* the watch has ended: never counted again */
};

/* Value of the task storage: everything about one watched task. */
struct maze_task {
	struct maze_policy policy;
	struct maze_account account; /* stepped only on the CPU that runs the task */
	maze_u64 tag;
	maze_u64 yield_ns;  /* runtime at the last yield the probe saw; written by it alone */
	maze_u64 next_ns;   /* CPU time until the account wants to be looked at; 0: never */
	maze_u64 asleep_ns; /* rq clock when it fell into a sleep that is no reset; 0: none */
	maze_u64 waited_ns; /* all that it had waited for a CPU by then */
	maze_u64 nvcsw;	    /* its voluntary switches at the last switch-out we saw */
	maze_u32 role;	    /* enum maze_role */
	maze_u32 needs_yield_probe; /* enum maze_probe_need */
	maze_u32 retries;	    /* attempts at a signal the kernel was too busy to take */
	maze_u32 unsent;      /* MAZE_FIRED_*: stages that came due and are not recorded yet */
	maze_u32 yield_probe; /* the attachment that has seen this episode's yields; 0: none */
	maze_u32 sampled;     /* the episode there is evidence of, plus 1; 0: of none */
	maze_u32 stacks;      /* taken in it */
	maze_u32 reserved;
	struct maze_tally due; /* of the latest verdict, which the unsent stages are of */
	maze_u64 stack_due_ns; /* runtime from which on the next stack is due */
};
_Static_assert(sizeof(struct maze_task) == 208, "struct maze_task is pinned");

/* One CPU: when its timer goes off, and what is needed to read its scheduler clock. */
struct maze_cpu {
	maze_u64 armed_until_ns;  /* rq clock; 0: not armed */
	maze_u64 clock_offset_ns; /* rq clock minus perf clock, rounded down; 0: unknown */
	maze_u64 expiries;
	maze_u64 idle_ns; /* rq clock when it last went idle with its timer armed */
	maze_u64
		cancel_when_idle_until_ns; /* rq clock until which it goes idle with its timer put off */
	maze_u64
		recheck_delay_ns; /* the timer is armed for who may run unseen: its delay; else 0 */
	maze_u64 lag_ns;	  /* how much too late the timer mostly goes off, learnt */
	maze_u64 reserved;
};
_Static_assert(sizeof(struct maze_cpu) == 64, "one cache line, so that CPUs do not share");

/*
 * A map of their own for the timers: programs of some types, such as the yield
 * probe's, may not touch a map that holds timers.
 */
struct maze_timer {
	struct bpf_timer timer;
	maze_u64 reserved[6];
};
_Static_assert(sizeof(struct maze_timer) == 64, "one cache line, so that CPUs do not share");

/* What a run of the control iterator is to do with each task it meets. */
enum maze_request_kind {
	MAZE_REQUEST_WATCH = 1,
	MAZE_REQUEST_UNWATCH,
	MAZE_REQUEST_UNWATCH_ALL,
};

struct maze_request {
	struct maze_policy policy;
	maze_u64 tag;
	maze_u64 mask;	 /* struct engine_claim of engine.h */
	maze_u64 ticket; /* tasks whose leader does not hold this ticket are strangers */
	maze_u32 kind;
	maze_u32 done; /* answers from here on */
	maze_u32 refused_init;
	maze_u32 refused_kernel;
	maze_u32 refused_self;
	maze_u32 exiting;
	maze_u32 no_memory;
	maze_u32 kept; /* had this very policy and tag already, and go on counting */
	maze_u32 left; /* are watched for somebody whose tag is not in the claim */
	maze_u32 reserved;
	maze_u64 running_on[MAZE_CPUS_MAX / 64]; /* CPUs that run a target right now */
};
_Static_assert(sizeof(struct maze_request) == 96 + MAZE_CPUS_MAX / 8, "no hidden padding");

/* Whose doorbell it is, so that one left behind by a killed reader can be reused. */
struct maze_wakeup_owner {
	maze_u64 start_time; /* field 22 of /proc/PID/stat; 0: free */
	maze_u32 pid;
	maze_u32 reserved;
};

/* The program's only global variable; user space maps it and reads it. */
struct maze_state {
	maze_u64 heads[MAZE_LOGS]; /* records written to each log so far */
	maze_u64 verdicts;
	maze_u64 signals;
	maze_u64 inherit_failures;
	maze_u64
		probe_lease_until_ns; /* CLOCK_BOOTTIME until which an attendant vouches for yield_probe */
	maze_u32 yield_probe_users; /* watched tasks past the mark: the yield probe is wanted */
	maze_u32 notify_records;    /* bit i: doorbell i wants to hear of records */
	maze_u32
		notify_yield_probe; /* bit i: doorbell i wants to hear of yield_probe_users leaving or reaching 0 */
	maze_u32 no_timer_pin; /* this kernel has no BPF_F_TIMER_CPU_PIN (before 6.7) */
	maze_u32 timers_ready; /* CPUs whose timer has been initialised */
	maze_u32 pid_level;    /* depth of the owner's pid namespace */
	long long timer_error; /* why the timer of the next CPU is not ready: -errno */
	maze_u64 evidence_heads[MAZE_EVIDENCE_LOGS]; /* stacks and process_infos taken so far */
	maze_u32 yield_probe;	    /* which attachment of the yield probe is in place; 0: none */
	maze_u32 yield_probes;	    /* how many there have been; user space only */
	maze_u64 stack_interval_ns; /* of a task's CPU time */
	maze_u32 stacks_max;	    /* an episode; 0: nobody wants evidence */
	maze_u32 notify_evidence;   /* as notify_records */
	struct maze_wakeup_owner owners[MAZE_READERS_MAX]; /* user space only */
	maze_u64 own_program;	 /* directory entry of the owner's program */
	maze_u64 spared_program; /* of that which is not judged; 0: there is none */
	maze_u64 frame_offset;	 /* from a task's stack to the frame it entered the kernel by */
};

enum maze_yield_probe {
	MAZE_YIELD_NONE = 0,  /* only yields that switch, or that the timer runs into */
	MAZE_YIELD_PERMANENT, /* fentry: always there, free for all other calls */
	MAZE_YIELD_ON_DEMAND, /* attached by an attendant while yield_probe_users > 0 */
};

/* Found out by the loader about this kernel; constant from load on. */
struct maze_config {
	long long steal_delta;	   /* address of a CPU's steal clock minus that of its rq */
	long long irq_total_delta; /* the same for its interrupt time */
	long long irq_start_delta; /* and for the beginning of the interrupt it is in */
	long long irq_stack_delta; /* address of a CPU's pointer to its interrupt stack, likewise */
	long long irq_inuse_delta; /* and of the byte that says whether that is in use */
	maze_u64 pending_max_ns;   /* most that can run between two updates by the tick */
	maze_u32 cpus;
	maze_u32 has_clock;	 /* perf cpu-clock events are in place */
	maze_u32 has_steal;	 /* steal_delta holds */
	maze_u32 steal_unknown;	 /* a hypervisor may steal and we cannot read how much */
	maze_u32 has_irqtime;	 /* irq_*_delta hold */
	maze_u32 yield_probe;	 /* enum maze_yield_probe */
	maze_u32 probe_shift;	 /* a task is near its limit from limit >> probe_shift on */
	maze_u32 has_sched_info; /* finite recovery can tell sleeping from waiting */
	maze_u32 has_irq_stack;	 /* irq_stack_delta and irq_inuse_delta hold */
	maze_u32
		has_late_inherit; /* a child that its fork missed is watched from its first wakeup */
};

#endif
