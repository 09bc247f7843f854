/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel structs that the BPF program reads. Each struct here has only the members
 * that the program reads. libbpf relocates each access to the running kernel's layout
 * (CO-RE), so sizes and order here have no meaning, and one object file fits all kernels.
 *
 * Only READ() and PROBE() may read scalars, because the width and sign of a scalar may
 * differ between kernels (on_cpu is an int up to 6.18 and a u8 in 7.2). The engine can do
 * without some members. bpf_core_field_exists() guards them, and kernel_members.c lists
 * what the engine loses without each.
 */
#ifndef MAZE_BPF_KERNEL_TYPES_H
#define MAZE_BPF_KERNEL_TYPES_H

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "../../core/policy.h"

typedef _Bool bool;
#define true 1
#define false 0

/*
 * Reads a scalar member through a pointer whose type the verifier knows. If the kernel's
 * member has the same width, this is one load, because the condition is constant after
 * relocation and the verifier removes the other branch. A direct load of the wrong width
 * is an error only if the program can reach it.
 */
#define READ(from, member)                                                                         \
	({                                                                                         \
		typeof(from) read_from = (from);                                                   \
		typeof(read_from->member) read_value;                                              \
                                                                                                   \
		if (__CORE_RELO(read_from, member, RSHIFT_U64) == 64 - 8 * sizeof(read_value))     \
			read_value = read_from->member;                                            \
		else                                                                               \
			read_value = BPF_CORE_READ_BITFIELD(read_from, member);                    \
		read_value;                                                                        \
	})

/* Reads a scalar member through any pointer; 0 if the memory cannot be read. */
#define PROBE(from, member)                                                                        \
	({                                                                                         \
		typeof(from) probe_from = (from);                                                  \
                                                                                                   \
		(typeof(probe_from->member))BPF_CORE_READ_BITFIELD_PROBED(probe_from, member);     \
	})

/* Task states and flags of include/linux/sched.h, unchanged from 6.1 to 7.2. */
#define TASK_STOPPED_OR_TRACED 0xcU
#define TASK_DEAD 0x80U
#define TASK_RTLOCK_WAIT 0x1000U /* PREEMPT_RT: the task sleeps to wait for a spin lock */
#define PF_EXITING 0x00000004U
#define PF_IO_WORKER 0x00000010U
#define PF_USER_WORKER 0x00004000U /* since 6.4; unused before */
#define PF_KTHREAD 0x00200000U
/* Set for the first process of a PID namespace (include/linux/sched/signal.h). */
#define SIGNAL_UNKILLABLE 0x00000040U

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rq {
	maze_u64 clock;		     /* sched_clock_cpu() at the last update */
	maze_u64 clock_task;	     /* clock less interrupt time and steal */
	maze_u64 prev_steal_time_rq; /* CONFIG_PARAVIRT_TIME_ACCOUNTING */
	maze_u64 prev_irq_time;	     /* CONFIG_IRQ_TIME_ACCOUNTING */
	unsigned int clock_update_flags;
};

struct cfs_rq {
	struct rq *rq; /* CONFIG_FAIR_GROUP_SCHED */
};

struct sched_entity {
	maze_u64 exec_start;
	maze_u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq; /* set for tasks of every class */
};

struct sched_info {
	unsigned long long run_delay;	 /* total time waited for a CPU, up to last_queued */
	unsigned long long last_arrival; /* rq clock when it last got a CPU */
	unsigned long long last_queued;	 /* rq clock when it became runnable; 0 while it runs */
};

struct thread_info {
	maze_u32 status; /* x86: TS_COMPAT */
	maze_u32 cpu;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	unsigned int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct cred {
	struct {
		maze_u32 val;
	} uid, suid, euid;
};

struct kernfs_node {
	maze_u64 id; /* contains the inode number */
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp; /* version 2 */
};

struct qstr {
	maze_u32 len;
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct super_block {
	unsigned int s_dev;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct sigaction {
	void *sa_handler; /* 0: SIG_DFL, 1: SIG_IGN */
};

struct k_sigaction {
	struct sigaction sa;
};

struct sighand_struct {
	struct k_sigaction action[MAZE_SIGNAL_MAX];
};

struct signal_struct {
	unsigned int flags; /* SIGNAL_UNKILLABLE */
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	unsigned int flags;
	unsigned int on_cpu;
	unsigned int pid;
	unsigned int tgid;
	unsigned long nvcsw;
	unsigned long nivcsw;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	maze_u64 start_boottime;
	struct mm_struct *mm;
	struct pid *thread_pid;
	struct cred *real_cred;
	struct sighand_struct *sighand;
	struct signal_struct *signal;
	struct {
		unsigned long sig[1];
	} blocked;
	struct css_set *cgroups;
	unsigned int in_execve : 1;
	maze_u64 self_exec_id; /* counts the calls of execve */
	char comm[16];
	struct sched_entity se;
	struct sched_info sched_info;
	void *stack;
	void *bpf_storage;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long orig_ax; /* number of the system call; negative: none */
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	int syscallno;
};
#else
#error "no system call number is known for this architecture"
#endif

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
	maze_u64 seq_num;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* From arch/x86/entry/syscalls and include/uapi/asm-generic/unistd.h. */
#if defined(__TARGET_ARCH_x86)
#define MAZE_NR_FUTEX 202
#elif defined(__TARGET_ARCH_arm64)
#define MAZE_NR_FUTEX 98
#endif
/* These numbers are the same on every architecture. */
#define MAZE_NR_FUTEX_TIME64 422
#define MAZE_NR_FUTEX_WAITV 449
#define MAZE_NR_FUTEX_WAIT 455

/* Returns the number of the system call in an entry frame; negative: none. */
static __always_inline long call_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return READ(regs, orig_ax) & ~0x40000000UL;
#elif defined(__TARGET_ARCH_arm64)
	return READ(regs, syscallno);
#endif
}

static __always_inline bool is_futex_call(long nr)
{
	return nr == MAZE_NR_FUTEX || nr == MAZE_NR_FUTEX_WAIT || nr == MAZE_NR_FUTEX_WAITV ||
	       nr == MAZE_NR_FUTEX_TIME64;
}

#endif
