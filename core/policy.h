/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A policy contains the limits of one task and the reactions to them (DESIGN section 2).
 * User space and the kernel side of every engine share the layout. Only this file defines
 * the ranges, so all front ends refuse the same values.
 */
#ifndef MAZE_CORE_POLICY_H
#define MAZE_CORE_POLICY_H

#include "types.h"

/* The smallest limit. AVL.14.0 requires thresholds of one millisecond. */
#define MAZE_LIMIT_MIN_NS MAZE_NSEC_PER_MSEC
/* The largest limit, 366 days. 64-bit sums of such limits do not overflow. */
#define MAZE_LIMIT_MAX_NS (366ULL * 24 * 3600 * MAZE_NSEC_PER_SEC)
/* The largest signal number, SIGRTMAX. MIPS has more, but is not supported. */
#define MAZE_SIGNAL_MAX 64
/* SIGXCPU: the soft signal of a warning. */
#define MAZE_SIGNAL_WARN 24
/* This signal has the same number on all architectures. */
#define MAZE_SIGKILL 9U

/*
 * The count is the CPU time since the last reset (core/step.h). Recovery is the ratio by
 * which time asleep reduces the count. Its unit is 1/65536, because core/ uses no float.
 * With the largest finite ratio, 1000, each ms asleep takes 1 s off the count.
 */
#define MAZE_RECOVERY_ONE 65536U
#define MAZE_RECOVERY_MAX (1000U * MAZE_RECOVERY_ONE)
#define MAZE_RECOVERY_INF 0xffffffffU /* any sleep is a reset */
/*
 * With this bit the ratio applies only to waits for a lock (futex(2)), and any other
 * sleep is a reset. An endless loop may wait some microseconds for an interpreter lock or
 * a garbage collector, and such a wait must not reset its count. A server at full load
 * sleeps as briefly, but it sleeps in epoll_wait(2) or recv(2), so its count is reset.
 */
#define MAZE_RECOVERY_LOCK 0x80000000U

#define MAZE_POLICY_INHERIT (1U << 0)	   /* children are watched from their start */
#define MAZE_POLICY_YIELD_COUNTS (1U << 1) /* sched_yield(2) is not a reset point */
#define MAZE_POLICY_SHADOW (1U << 2)	   /* record verdicts, send no signal */
/*
 * The beginning and the end of the watch are not recorded. If all processes are watched,
 * such records would overwrite all others. But if the task exits in an episode with a
 * verdict, the exit is recorded.
 */
#define MAZE_POLICY_QUIET (1U << 3)
/*
 * An ordinary user requested the watch. The watch acts only while the task's real,
 * effective and saved user IDs equal `owner`. If they differ when a stage is due, the
 * watch ends.
 */
#define MAZE_POLICY_OWNED (1U << 4)
/*
 * The soft signal is sent only if the process has a handler for it, so it never ends the
 * process. If it is not sent, the record contains the reason. The flag affects only
 * MAZE_SIGNAL_WARN, see maze_policy_warns(). Any other soft signal is sent without a
 * handler too.
 */
#define MAZE_POLICY_WARN (1U << 5)
/*
 * Signals go to the process, so any of its threads may take them, also in sigwait(2).
 * Without this flag they go to the thread that is over its limit.
 */
#define MAZE_POLICY_TO_PROCESS (1U << 6)
/*
 * What the limits are for (enum maze_policy_scope). A policy of a group has a share
 * instead of a recovery, and its limits are levels (core/budget.h). The engines in the
 * kernel get only policies of threads.
 */
#define MAZE_POLICY_SCOPE_SHIFT 7
#define MAZE_POLICY_SCOPE (3U << MAZE_POLICY_SCOPE_SHIFT)
/*
 * The engine keeps the streaks of the task (core/streaks.h). Such a policy may have no
 * limit at all. Only a policy of threads has this flag.
 */
#define MAZE_POLICY_OBSERVE (1U << 9)
#define MAZE_POLICY_FLAGS                                                                          \
	(MAZE_POLICY_INHERIT | MAZE_POLICY_YIELD_COUNTS | MAZE_POLICY_SHADOW | MAZE_POLICY_QUIET | \
	 MAZE_POLICY_OWNED | MAZE_POLICY_WARN | MAZE_POLICY_TO_PROCESS | MAZE_POLICY_SCOPE |       \
	 MAZE_POLICY_OBSERVE)

/* A group is a process, a tree or a control group. */
enum maze_policy_scope {
	MAZE_SCOPE_THREAD = 0,
	MAZE_SCOPE_PROCESS, /* all threads of a process */
	MAZE_SCOPE_TREE,    /* a process and all processes that its members start */
	MAZE_SCOPE_CGROUP,  /* a control group of version 2, with those below it */
	MAZE_SCOPE_COUNT_,
};

/*
 * The unit of a share is 1/65536 of a CPU. The level of a group falls by the share of the
 * time that passes. So a group that uses more than the share for long enough reaches its
 * limit. For one thread, a share p and a limit L have the same meaning as the recovery
 * p/(1-p) and the limit L/(1-p), but time in which the thread waits for a CPU reduces only
 * the level of a group.
 */
#define MAZE_SHARE_ONE 65536U
#define MAZE_SHARE_MAX (8192U * MAZE_SHARE_ONE)

struct maze_policy {
	maze_u64 soft_ns; /* 0: no soft stage */
	maze_u64 hard_ns; /* 0: no hard stage; else not below soft_ns */
	union {
		/* In 1/65536, perhaps with MAZE_RECOVERY_LOCK; or MAZE_RECOVERY_INF. */
		maze_u32 recovery;
		maze_u32 share; /* of a group */
	};
	maze_u32 flags;	      /* MAZE_POLICY_* */
	maze_u16 soft_signal; /* 0: record only */
	maze_u16 hard_signal;
	maze_u32 owner; /* with MAZE_POLICY_OWNED: user ID in the initial namespace; else 0 */
};
maze_static_assert(sizeof(struct maze_policy) == 32,
		   "struct maze_policy is shared with the kernel");

/* Faults of a policy; the front ends have a message for each. */
enum maze_policy_fault {
	MAZE_POLICY_OK = 0,
	MAZE_POLICY_NO_STAGE,	/* both limits are 0, and it does not observe */
	MAZE_POLICY_SOFT_RANGE, /* soft_ns is neither 0 nor in LIMIT_MIN..LIMIT_MAX */
	MAZE_POLICY_HARD_RANGE,
	MAZE_POLICY_HARD_BELOW_SOFT,
	MAZE_POLICY_SOFT_SIGNAL, /* above MAZE_SIGNAL_MAX */
	MAZE_POLICY_HARD_SIGNAL,
	MAZE_POLICY_RECOVERY,	  /* neither INF nor a ratio in 1..RECOVERY_MAX */
	MAZE_POLICY_UNKNOWN_FLAG, /* unknown flag, or an owner without MAZE_POLICY_OWNED */
	MAZE_POLICY_SHARE,	  /* share of a group not in 1..SHARE_MAX */
	/*
	 * A tree or a control group gets no signal but SIGKILL to all its processes at the
	 * hard limit. A process gets signals that are directed to it, not to a thread.
	 */
	MAZE_POLICY_GROUP_SIGNAL,
};

/* Returns enum maze_policy_scope for the flags of a policy or a list entry. */
maze_inline maze_u32 maze_policy_scope(maze_u32 flags)
{
	return (flags & MAZE_POLICY_SCOPE) >> MAZE_POLICY_SCOPE_SHIFT;
}

/* Whether the soft signal of a policy or a list entry is a warning. */
maze_inline int maze_policy_warns(maze_u32 flags, maze_u32 soft_signal)
{
	return (flags & MAZE_POLICY_WARN) && soft_signal == MAZE_SIGNAL_WARN;
}

/* Whether the ratio applies only to waits for a lock. */
maze_inline int maze_recovery_is_for_locks(maze_u32 recovery)
{
	return recovery != MAZE_RECOVERY_INF && (recovery & MAZE_RECOVERY_LOCK);
}

/* Returns the ratio in 1/65536. `recovery` is not MAZE_RECOVERY_INF. */
maze_inline maze_u32 maze_recovery_ratio(maze_u32 recovery)
{
	return recovery & ~MAZE_RECOVERY_LOCK;
}

/*
 * If only one limit is given, derives the other one: the hard limit is twice the soft
 * limit. A given 0 switches a stage off, so it derives nothing.
 */
static inline void maze_policy_derive_limit(struct maze_policy *policy, int soft_given,
					    int hard_given)
{
	if (soft_given && !hard_given && policy->soft_ns)
		policy->hard_ns = policy->soft_ns < MAZE_LIMIT_MAX_NS / 2 ? 2 * policy->soft_ns
									  : MAZE_LIMIT_MAX_NS;
	if (hard_given && !soft_given && policy->hard_ns)
		policy->soft_ns = policy->hard_ns > 2 * MAZE_LIMIT_MIN_NS ? policy->hard_ns / 2
									  : MAZE_LIMIT_MIN_NS;
}

/* Returns the limit of the first stage that is on. */
maze_inline maze_u64 maze_first_limit(const struct maze_policy *policy)
{
	return policy->soft_ns ? policy->soft_ns : policy->hard_ns;
}

/* Whether a limit in ns is 0 or in MAZE_LIMIT_MIN_NS..MAZE_LIMIT_MAX_NS. */
static inline int maze_limit_in_range(maze_u64 limit_ns)
{
	return limit_ns == 0 || (limit_ns >= MAZE_LIMIT_MIN_NS && limit_ns <= MAZE_LIMIT_MAX_NS);
}

/* Checks what only a policy of a group has. */
static inline enum maze_policy_fault maze_policy_check_group(const struct maze_policy *policy)
{
	if (!policy->share || policy->share > MAZE_SHARE_MAX)
		return MAZE_POLICY_SHARE;
	if (maze_policy_scope(policy->flags) == MAZE_SCOPE_PROCESS)
		return policy->flags & MAZE_POLICY_TO_PROCESS ? MAZE_POLICY_OK
							      : MAZE_POLICY_GROUP_SIGNAL;
	if (policy->soft_signal || (policy->hard_signal && policy->hard_signal != MAZE_SIGKILL))
		return MAZE_POLICY_GROUP_SIGNAL;
	return MAZE_POLICY_OK;
}

/* Returns the first fault that it finds, or MAZE_POLICY_OK. */
static inline enum maze_policy_fault maze_policy_check(const struct maze_policy *policy)
{
	if (!policy->soft_ns && !policy->hard_ns && !(policy->flags & MAZE_POLICY_OBSERVE))
		return MAZE_POLICY_NO_STAGE;
	if (!maze_limit_in_range(policy->soft_ns))
		return MAZE_POLICY_SOFT_RANGE;
	if (!maze_limit_in_range(policy->hard_ns))
		return MAZE_POLICY_HARD_RANGE;
	if (policy->hard_ns && policy->hard_ns < policy->soft_ns)
		return MAZE_POLICY_HARD_BELOW_SOFT;
	if (policy->soft_signal > MAZE_SIGNAL_MAX)
		return MAZE_POLICY_SOFT_SIGNAL;
	if (policy->hard_signal > MAZE_SIGNAL_MAX)
		return MAZE_POLICY_HARD_SIGNAL;
	if (!maze_policy_scope(policy->flags) && policy->recovery != MAZE_RECOVERY_INF &&
	    (maze_recovery_ratio(policy->recovery) == 0 ||
	     maze_recovery_ratio(policy->recovery) > MAZE_RECOVERY_MAX))
		return MAZE_POLICY_RECOVERY;
	if (policy->flags & ~MAZE_POLICY_FLAGS)
		return MAZE_POLICY_UNKNOWN_FLAG;
	if (policy->owner && !(policy->flags & MAZE_POLICY_OWNED))
		return MAZE_POLICY_UNKNOWN_FLAG;
	if (maze_policy_scope(policy->flags) && (policy->flags & MAZE_POLICY_OBSERVE))
		return MAZE_POLICY_UNKNOWN_FLAG;
	return maze_policy_scope(policy->flags) ? maze_policy_check_group(policy) : MAZE_POLICY_OK;
}

#endif
