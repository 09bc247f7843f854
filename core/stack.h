/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence as the kernel side takes it: where a mazed thread was, and who it was.
 * Stacks are taken on top of the thread itself, at its soft verdict and then at a
 * bounded rate while the episode lasts; user space makes names of them, also when the
 * process is long gone.
 */
#ifndef MAZE_CORE_STACK_H
#define MAZE_CORE_STACK_H

#include "record.h"

#define MAZE_BUILD_ID_LEN 20 /* SHA-1, what linkers write; shorter ones are padded with 0 */
/* A loop is at the leaf; what lies further out than this is cut off, and said to be. */
#define MAZE_STACK_USER_MAX 64
#define MAZE_STACK_KERNEL_MAX 32

/* Limits of what may be asked for, and what is taken unless something else is. */
#define MAZE_STACKS_DEFAULT 50
#define MAZE_STACKS_MAX 1000
#define MAZE_STACK_INTERVAL_DEFAULT_NS (20 * MAZE_NSEC_PER_MSEC)
/* Taking a stack costs some 10 us: at most a hundredth of what the task uses. */
#define MAZE_STACK_INTERVAL_MIN_NS MAZE_NSEC_PER_MSEC

/* What a user of evidence asks for. */
struct maze_evidence_wants {
	maze_u32 stacks_max;  /* an episode; 0: MAZE_STACKS_DEFAULT */
	maze_u64 interval_ns; /* of the task's own CPU time; 0: MAZE_STACK_INTERVAL_DEFAULT_NS */
};

/* The values of enum bpf_stack_build_id_status, include/uapi/linux/bpf.h. */
enum maze_frame_kind {
	MAZE_FRAME_NONE = 0,
	MAZE_FRAME_FILE = 1,	/* `at` is an offset in the file that has this build-id */
	MAZE_FRAME_ADDRESS = 2, /* `at` is an address in the process */
};

/* Laid out as struct bpf_stack_build_id, so that the kernel can write it in place. */
struct maze_frame {
	maze_u32 kind; /* enum maze_frame_kind */
	maze_u8 build_id[MAZE_BUILD_ID_LEN];
	maze_u64 at;
};
_Static_assert(sizeof(struct maze_frame) == 32, "struct maze_frame is the kernel's");

#define MAZE_STACK_USER_CUT (1U << 0)	/* there was more than fits */
#define MAZE_STACK_KERNEL_CUT (1U << 1) /* likewise */
#define MAZE_STACK_IN_KERNEL (1U << 2)	/* it was in a system call or a fault, not in user code */
/*
 * The kernel frames begin with those of who took the stack, because where they end could
 * not be told: of an interrupt (the last of them is its entry, asm_sysvec_* or
 * asm_common_interrupt), of soft interrupts run late (do_softirq, __local_bh_enable_ip),
 * or of the scheduler's tracepoint (__traceiter_sched_switch).
 */
#define MAZE_STACK_TAKER_ON_TOP (1U << 3)

struct maze_stack {
	maze_u64 seq;	   /* 1, 2, … per engine; a reader sees by it what it missed */
	maze_u64 boot_ns;  /* CLOCK_BOOTTIME when it was taken */
	maze_u64 count_ns; /* the task's maze count then */
	maze_u64 tag;	   /* as in struct maze_record */
	maze_u32 pid;
	maze_u32 tid;
	maze_u32 episode; /* that of the records it belongs to */
	maze_u32 cpu;
	maze_u16 number;	/* in its episode, from 0: the one at the soft verdict */
	maze_u16 flags;		/* MAZE_STACK_* */
	maze_u16 user_frames;	/* innermost first */
	maze_u16 kernel_frames; /* innermost first; 0: it was in user code */
	maze_u64 reserved;
	maze_u64 kernel[MAZE_STACK_KERNEL_MAX]; /* addresses, as in /proc/kallsyms */
	struct maze_frame user[MAZE_STACK_USER_MAX];
};
_Static_assert(sizeof(struct maze_stack) ==
		       64 + 8 * MAZE_STACK_KERNEL_MAX + 32 * MAZE_STACK_USER_MAX,
	       "struct maze_stack is shared with the kernel");

#define MAZE_PROCESS_INFO_PATH 512
#define MAZE_PROCESS_INFO_ARGS 1024

#define MAZE_PROCESS_INFO_EXE_CUT (1U << 0)  /* `exe` lacks its beginning */
#define MAZE_PROCESS_INFO_ARGS_CUT (1U << 1) /* there was more than fits */

/*
 * Who was mazed: what /proc would say, taken in the kernel at the soft verdict, for
 * processes that are gone before anybody can look. What could not be read then (a page
 * that was not in memory) is empty.
 */
struct maze_process_info {
	maze_u64 seq; /* 1, 2, … per engine */
	maze_u64 boot_ns;
	maze_u64 start_ns; /* CLOCK_BOOTTIME when the process began */
	maze_u64 cgroup;   /* inode number of its control group of version 2 */
	maze_u64 tag;
	maze_u32 pid;
	maze_u32 tid;
	maze_u32 ppid;
	maze_u32 uid;
	maze_u32 episode;
	maze_u16 flags;	    /* MAZE_PROCESS_INFO_* */
	maze_u16 args_size; /* bytes of `args` */
	char comm[MAZE_COMM_LEN];
	char exe[MAZE_PROCESS_INFO_PATH]; /* path in its own mount tree; NUL-terminated; "": unknown */
	char args
		[MAZE_PROCESS_INFO_ARGS]; /* as in /proc/PID/cmdline: words with a NUL after each */
};
_Static_assert(sizeof(struct maze_process_info) ==
		       80 + MAZE_PROCESS_INFO_PATH + MAZE_PROCESS_INFO_ARGS,
	       "struct maze_process_info is shared with the kernel");

#endif
