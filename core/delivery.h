/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of a signal that a stage sends, from what its thread does with it at the
 * verdict (signal(7), pid_namespaces(7)). Every engine reads the thread's side of it in
 * its own way and asks here, so that "sent" means the same in all of them.
 */
#ifndef MAZE_CORE_DELIVERY_H
#define MAZE_CORE_DELIVERY_H

#include "policy.h"
#include "record.h"

/* The same numbers on every architecture that an engine runs on (x86, arm64). */
#define MAZE_SIGKILL 9U
#define MAZE_SIGCHLD 17U
#define MAZE_SIGCONT 18U
#define MAZE_SIGSTOP 19U
#define MAZE_SIGTSTP 20U
#define MAZE_SIGTTIN 21U
#define MAZE_SIGTTOU 22U
#define MAZE_SIGURG 23U
#define MAZE_SIGWINCH 28U

/* How the thread disposition one signal. Without KNOWN nothing else is set. */
#define MAZE_DISPOSITION_KNOWN (1U << 0)
#define MAZE_DISPOSITION_CAUGHT (1U << 1)  /* the process has a handler */
#define MAZE_DISPOSITION_IGNORED (1U << 2) /* SIG_IGN */
#define MAZE_DISPOSITION_BLOCKED (1U << 3)
#define MAZE_DISPOSITION_INIT (1U << 4) /* the process is the first one of a PID namespace */

struct maze_delivery {
	maze_u32 flags;	   /* of its record: MAZE_RECORD_* */
	maze_u16 not_sent; /* enum maze_not_sent: why the thread does not get it now */
	maze_u16 withheld; /* 1: it is not to be sent */
};

/* Sets of signals, all below 32; the actions are those of signal(7). */
#define MAZE_UNCATCHABLE (1U << MAZE_SIGKILL | 1U << MAZE_SIGSTOP)
#define MAZE_IGNORED_BY_DEFAULT                                                                    \
	(1U << MAZE_SIGCHLD | 1U << MAZE_SIGCONT | 1U << MAZE_SIGURG | 1U << MAZE_SIGWINCH)
#define MAZE_STOPS_BY_DEFAULT                                                                      \
	(1U << MAZE_SIGSTOP | 1U << MAZE_SIGTSTP | 1U << MAZE_SIGTTIN | 1U << MAZE_SIGTTOU)

maze_inline int maze_is_one_of(maze_u32 signals, maze_u32 signal)
{
	return signal < 32 && (signals >> signal) & 1;
}

/*
 * Why a warning is not sent, as enum maze_not_sent. One that is blocked would be pending, and
 * could end the process later: the handler goes at an execve, the blocked signals stay.
 */
maze_inline maze_u16 maze_why_withheld(maze_u32 disposition)
{
	if (!(disposition & MAZE_DISPOSITION_KNOWN))
		return MAZE_NOT_SENT_OTHER;
	if (disposition & MAZE_DISPOSITION_CAUGHT)
		return disposition & MAZE_DISPOSITION_BLOCKED ? MAZE_NOT_SENT_BLOCKED
							      : MAZE_NOT_SENT_NONE;
	return disposition & MAZE_DISPOSITION_IGNORED ? MAZE_NOT_SENT_IGNORED
						      : MAZE_NOT_SENT_NO_HANDLER;
}

/* Why what is sent has no effect now. */
maze_inline maze_u16 maze_why_missed(const struct maze_policy *policy, maze_u32 signal,
				     maze_u32 disposition)
{
	/* Not even a first process is spared the latter, from outside its namespace. */
	if (!(disposition & MAZE_DISPOSITION_KNOWN) || maze_is_one_of(MAZE_UNCATCHABLE, signal))
		return MAZE_NOT_SENT_NONE;
	/*
	 * First, since a blocked signal is kept even where it would be ignored. One to the
	 * process goes to a thread that does not block it, or that waits in sigwait(2).
	 */
	if (disposition & MAZE_DISPOSITION_BLOCKED)
		return policy->flags & MAZE_POLICY_TO_PROCESS ? MAZE_NOT_SENT_NONE
							      : MAZE_NOT_SENT_BLOCKED;
	if (disposition & MAZE_DISPOSITION_CAUGHT)
		return MAZE_NOT_SENT_NONE;
	if (disposition & MAZE_DISPOSITION_IGNORED ||
	    maze_is_one_of(MAZE_IGNORED_BY_DEFAULT, signal))
		return MAZE_NOT_SENT_IGNORED;
	return disposition & MAZE_DISPOSITION_INIT ? MAZE_NOT_SENT_INIT : MAZE_NOT_SENT_NONE;
}

/*
 * Whether a signal that is delivered ends the process. One that the thread blocks, and
 * another thread may get, is not known to.
 */
maze_inline int maze_is_fatal(maze_u32 signal, maze_u32 disposition)
{
	if (signal == MAZE_SIGKILL)
		return 1;
	return (disposition & MAZE_DISPOSITION_KNOWN) &&
	       !(disposition & (MAZE_DISPOSITION_CAUGHT | MAZE_DISPOSITION_BLOCKED)) &&
	       !maze_is_one_of(MAZE_STOPS_BY_DEFAULT, signal);
}

/* What is to be done at a stage, and what its record says if the kernel takes the signal. */
maze_inline struct maze_delivery maze_delivery(const struct maze_policy *policy, int hard,
					       maze_u32 disposition)
{
	maze_u32 signal = hard ? policy->hard_signal : policy->soft_signal;
	int shadow = !!(policy->flags & MAZE_POLICY_SHADOW);
	struct maze_delivery delivery = { 0, MAZE_NOT_SENT_NONE, 0 };

	delivery.flags = shadow ? MAZE_RECORD_SHADOW : 0;
	delivery.withheld = !signal || shadow;
	if (!signal)
		return delivery;
	if (!hard && maze_policy_warns(policy->flags, signal))
		delivery.not_sent = maze_why_withheld(disposition);
	if (delivery.not_sent)
		delivery.withheld = 1;
	else
		delivery.not_sent = maze_why_missed(policy, signal, disposition);
	if (delivery.not_sent)
		return delivery;
	if (maze_is_fatal(signal, disposition))
		delivery.flags |= MAZE_RECORD_FATAL;
	if (!delivery.withheld)
		delivery.flags |= MAZE_RECORD_SENT;
	return delivery;
}

/* The kernel has not taken it, for that reason. */
maze_inline void maze_delivery_failed(struct maze_delivery *delivery, maze_u16 not_sent)
{
	delivery->flags &= ~(MAZE_RECORD_SENT | MAZE_RECORD_FATAL);
	delivery->not_sent = not_sent;
}

#endif
