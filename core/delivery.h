/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stages of a policy are its soft and its hard limit. These functions decide whether
 * the signal of a stage is sent, and whether it has an effect. Both depend on the
 * thread's disposition of the signal when its count reaches the limit (signal(7),
 * pid_namespaces(7)). Each engine reads the disposition in its own way, but all engines
 * call these functions. So "sent" has the same meaning in all of them.
 */
#ifndef MAZE_CORE_DELIVERY_H
#define MAZE_CORE_DELIVERY_H

#include "policy.h"
#include "record.h"

/* These signals have the same numbers on all supported architectures (x86, arm64). */
#define MAZE_SIGCHLD 17U
#define MAZE_SIGCONT 18U
#define MAZE_SIGSTOP 19U
#define MAZE_SIGTSTP 20U
#define MAZE_SIGTTIN 21U
#define MAZE_SIGTTOU 22U
#define MAZE_SIGURG 23U
#define MAZE_SIGWINCH 28U

/* How the thread handles one signal. If KNOWN is not set, no other bit is set. */
#define MAZE_DISPOSITION_KNOWN (1U << 0)
#define MAZE_DISPOSITION_CAUGHT (1U << 1)  /* the process has a handler */
#define MAZE_DISPOSITION_IGNORED (1U << 2) /* SIG_IGN */
#define MAZE_DISPOSITION_BLOCKED (1U << 3)
#define MAZE_DISPOSITION_INIT (1U << 4) /* the process is the first of a PID namespace */

struct maze_delivery {
	maze_u32 flags;	   /* MAZE_RECORD_*, for the record */
	maze_u16 not_sent; /* enum maze_not_sent, for the record */
	maze_u16 withheld; /* 1: do not send the signal */
};

/* Sets of signals: bit N is signal N. signal(7) lists the default actions. */
#define MAZE_UNCATCHABLE (1U << MAZE_SIGKILL | 1U << MAZE_SIGSTOP)
#define MAZE_IGNORED_BY_DEFAULT                                                                    \
	(1U << MAZE_SIGCHLD | 1U << MAZE_SIGCONT | 1U << MAZE_SIGURG | 1U << MAZE_SIGWINCH)
#define MAZE_STOPS_BY_DEFAULT                                                                      \
	(1U << MAZE_SIGSTOP | 1U << MAZE_SIGTSTP | 1U << MAZE_SIGTTIN | 1U << MAZE_SIGTTOU)

/* Whether a set has this signal. */
maze_inline int maze_is_one_of(maze_u32 signals, maze_u32 signal)
{
	return signal < 32 && (signals >> signal) & 1;
}

/*
 * Returns why a warning (see maze_policy_warns()) is not sent; MAZE_NOT_SENT_NONE: it is
 * sent. A blocked warning is not sent, because it would stay pending. It could end the
 * process later, because execve(2) keeps a pending signal but removes its handler.
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

/* Returns why a signal that is sent has no effect now; MAZE_NOT_SENT_NONE: it has one. */
maze_inline maze_u16 maze_why_missed(const struct maze_policy *policy, maze_u32 signal,
				     maze_u32 disposition)
{
	/* SIGKILL and SIGSTOP from outside a namespace reach its first process too. */
	if (!(disposition & MAZE_DISPOSITION_KNOWN) || maze_is_one_of(MAZE_UNCATCHABLE, signal))
		return MAZE_NOT_SENT_NONE;
	/*
	 * This check comes first, because a blocked signal stays pending even if the
	 * process ignores it. If the signal goes to the process, another thread may take
	 * it: one that does not block it, or one that waits in sigwait(2).
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
 * Returns 1 if a signal that has an effect ends the process. If the thread blocks the
 * signal, another thread may take it. The effect is then unknown, and the result is 0.
 */
maze_inline int maze_is_fatal(maze_u32 signal, maze_u32 disposition)
{
	if (signal == MAZE_SIGKILL)
		return 1;
	return (disposition & MAZE_DISPOSITION_KNOWN) &&
	       !(disposition & (MAZE_DISPOSITION_CAUGHT | MAZE_DISPOSITION_BLOCKED)) &&
	       !maze_is_one_of(MAZE_STOPS_BY_DEFAULT, signal);
}

/*
 * Decides whether to send the signal of the hard stage (`hard` is 1) or the soft stage
 * (0). Fills the fields of the record for the case that the kernel accepts the signal.
 * `permitted` is the result of maze_allowance_permits().
 */
maze_inline struct maze_delivery maze_delivery(const struct maze_policy *policy, int hard,
					       maze_u32 disposition, int permitted)
{
	maze_u32 signal = hard ? policy->hard_signal : policy->soft_signal;
	int shadow = !permitted || (policy->flags & MAZE_POLICY_SHADOW);
	struct maze_delivery delivery = { 0, MAZE_NOT_SENT_NONE, 0 };

	delivery.flags = shadow ? MAZE_RECORD_SHADOW : 0;
	if (!permitted)
		delivery.flags |= MAZE_RECORD_TRIPPED;
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

/* Corrects the record after the kernel has refused the signal. */
maze_inline void maze_delivery_failed(struct maze_delivery *delivery, maze_u16 not_sent)
{
	delivery->flags &= ~(MAZE_RECORD_SENT | MAZE_RECORD_FATAL);
	delivery->not_sent = not_sent;
}

#endif
