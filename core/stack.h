/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence about a runaway thread: its stacks and a description of its process. The
 * kernel side of the engine takes evidence while the thread is current. It takes the
 * first stack at the first verdict of an episode, and more at a bounded rate until the
 * episode ends. User space finds the symbol names, even after the process has ended.
 */
#ifndef MAZE_CORE_STACK_H
#define MAZE_CORE_STACK_H

#include "record.h"

#define MAZE_BUILD_ID_LEN 20 /* a SHA-1, as linkers write it; zeros pad a shorter ID */
/*
 * The largest numbers of frames. A longer stack loses its outer frames and gets a *_CUT
 * flag.
 */
#define MAZE_STACK_USER_MAX 64
#define MAZE_STACK_KERNEL_MAX 32

/* Defaults and limits of struct maze_evidence_wants. */
#define MAZE_STACKS_DEFAULT 50
#define MAZE_STACKS_MAX 1000
#define MAZE_STACK_INTERVAL_DEFAULT_NS (20 * MAZE_NSEC_PER_MSEC)
/* A stack costs about 10 us, so stacks take at most 1 % of the task's CPU time. */
#define MAZE_STACK_INTERVAL_MIN_NS MAZE_NSEC_PER_MSEC

/* How much evidence to take. */
struct maze_evidence_wants {
	maze_u32 stacks_max;  /* per episode; 0: MAZE_STACKS_DEFAULT */
	maze_u64 interval_ns; /* of the task's CPU time; 0: MAZE_STACK_INTERVAL_DEFAULT_NS */
};

/* The values are those of enum bpf_stack_build_id_status, include/uapi/linux/bpf.h. */
enum maze_frame_kind {
	MAZE_FRAME_NONE = 0,
	MAZE_FRAME_FILE = 1,	/* `at` is an offset in the file with this build-id */
	MAZE_FRAME_ADDRESS = 2, /* `at` is an address in the process */
};

/* The layout is that of struct bpf_stack_build_id, because the kernel writes it. */
struct maze_frame {
	maze_u32 kind; /* enum maze_frame_kind */
	maze_u8 build_id[MAZE_BUILD_ID_LEN];
	maze_u64 at;
};
maze_static_assert(sizeof(struct maze_frame) == 32, "struct maze_frame is the kernel's");

#define MAZE_STACK_USER_CUT (1U << 0)	/* user frames were cut off */
#define MAZE_STACK_KERNEL_CUT (1U << 1) /* kernel frames were cut off */
#define MAZE_STACK_IN_KERNEL (1U << 2)	/* in a system call or a fault, not in user code */
/*
 * The innermost kernel frames belong to the code that took the stack, and their number is
 * unknown. That code ran in an interrupt, in soft interrupts that ran late (do_softirq,
 * __local_bh_enable_ip), or in the scheduler's tracepoint (__traceiter_sched_switch). The
 * last frame of an interrupt is its entry, asm_sysvec_* or asm_common_interrupt.
 */
#define MAZE_STACK_TAKER_ON_TOP (1U << 3)

struct maze_stack {
	maze_u64 seq;	   /* 1, 2, … per engine; at a gap, stacks were overwritten */
	maze_u64 boot_ns;  /* CLOCK_BOOTTIME when it was taken */
	maze_u64 count_ns; /* the task's maze count at that time */
	maze_u64 tag;	   /* as in struct maze_record */
	maze_u32 pid;
	maze_u32 tid;
	maze_u32 episode; /* as in the records of the verdicts */
	maze_u32 cpu;
	maze_u16 number;	/* in its episode, from 0 */
	maze_u16 flags;		/* MAZE_STACK_* */
	maze_u16 user_frames;	/* innermost first */
	maze_u16 kernel_frames; /* innermost first; 0: none, as in user code */
	maze_u64 reserved;
	maze_u64 kernel[MAZE_STACK_KERNEL_MAX]; /* addresses, as in /proc/kallsyms */
	struct maze_frame user[MAZE_STACK_USER_MAX];
};
maze_static_assert(sizeof(struct maze_stack) ==
			   64 + 8 * MAZE_STACK_KERNEL_MAX + 32 * MAZE_STACK_USER_MAX,
		   "struct maze_stack is shared with the kernel");

#define MAZE_PROCESS_INFO_PATH 512
#define MAZE_PROCESS_INFO_ARGS 1024

#define MAZE_PROCESS_INFO_EXE_CUT (1U << 0)  /* the beginning of `exe` is cut off */
#define MAZE_PROCESS_INFO_ARGS_CUT (1U << 1) /* the end of `args` is cut off */

/*
 * The process of a runaway thread, with the values that /proc would show. The kernel side
 * reads them at the first verdict, because the process may end before user space can read
 * /proc. A field is empty if it could not be read, as when its page was not in memory.
 */
struct maze_process_info {
	maze_u64 seq; /* 1, 2, … per engine */
	maze_u64 boot_ns;
	maze_u64 start_ns; /* CLOCK_BOOTTIME when the process started; 0: unknown */
	maze_u64 cgroup;   /* inode number of its control group (version 2); 0: unknown */
	maze_u64 tag;
	maze_u32 pid;
	maze_u32 tid;
	maze_u32 ppid;
	maze_u32 uid;
	maze_u32 episode;
	maze_u16 flags;	    /* MAZE_PROCESS_INFO_* */
	maze_u16 args_size; /* bytes of `args` */
	char comm[MAZE_COMM_LEN];
	char exe[MAZE_PROCESS_INFO_PATH];  /* path in the file's mount tree, with a NUL */
	char args[MAZE_PROCESS_INFO_ARGS]; /* as /proc/PID/cmdline: a NUL after each word */
};
maze_static_assert(sizeof(struct maze_process_info) ==
			   80 + MAZE_PROCESS_INFO_PATH + MAZE_PROCESS_INFO_ARGS,
		   "struct maze_process_info is shared with the kernel");

#endif
