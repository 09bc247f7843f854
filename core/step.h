/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The heart: what "mazed" means, once, for every engine.
 *
 * A task's maze count is the CPU time it has used since its last reset point:
 * it left the CPU not runnable, or it called sched_yield(2) (unless its policy
 * counts yields), or its watch began. Preemption, migration, throttling, execve
 * and calls that fail or do not block are not reset points. From one reset point
 * to the next is an episode; in it the count may reach the soft limit once and
 * then the hard limit once:
 *
 *              count >= soft            count >= hard
 *     ARMED ─────────────────► SOFT ─────────────────► HARD
 *       ▲                        │                       │
 *       └──────── reset ─────────┴──────── reset ────────┘
 *
 * (a stage whose limit is 0 is skipped). With an infinite recovery any sleep is
 * a reset. With a finite one, r, each ns not runnable takes r ns off the count,
 * and the reset is the moment the count comes down to 0; so a program that uses
 * more than r/(1+r) of one CPU for long enough is caught although it sleeps. With
 * a finite one for locks, that holds for waits for a lock, and any other sleep is
 * a reset.
 *
 * Pure functions: no clock, no allocation, no lock, no float, no loop. Time
 * arrives in the sample, as the scheduler's own runtime of that task, which is
 * what CLOCK_THREAD_CPUTIME_ID reads and from which steal and suspend are
 * already taken off. Never early: a caller that cannot know the runtime exactly
 * must pass one that is too small, never one that is too large; for the moment
 * of a yield it must pass one that is too large, never too small.
 */
#ifndef MAZE_CORE_STEP_H
#define MAZE_CORE_STEP_H

#include "policy.h"
#include "record.h"

#define MAZE_FIRED_SOFT (1U << 0) /* this episode has had its soft verdict */
#define MAZE_FIRED_HARD (1U << 1) /* and its hard one */

/*
 * One task's account. All zero is a valid account whose watch begins at the
 * first sample. Only one context at a time may step an account.
 */
struct maze_account {
	maze_u64 runtime_ns; /* the task's runtime at the last sample */
	maze_u64 count_ns;   /* the maze count then */
	maze_u64 yield_ns;   /* the last yield that has been accounted for */
	maze_u32 fired;	     /* MAZE_FIRED_* */
	maze_u32 episode;    /* how many reset points there have been */
	maze_u32 begun;	     /* 0 until the first sample has set runtime_ns */
	/* Of this episode; a sleep that was a reset is not in it. */
	maze_u32 sleeps;
	maze_u64 asleep_ns; /* in all these sleeps, which took some off the count */
	maze_u64 from_ns;   /* the task's runtime when it began */
};
_Static_assert(sizeof(struct maze_account) == 56, "struct maze_account is shared with the kernel");

/* What the task does at the moment of the sample. */
enum maze_act {
	MAZE_RUNS,   /* it goes on, or was preempted: no reset point */
	MAZE_SLEEPS, /* it leaves the CPU not runnable */
	MAZE_LOCKS,  /* the same, in a wait for a lock; told apart if the recovery is for locks */
	MAZE_WAKES,  /* it comes to a CPU after a sleep that was not a reset */
	MAZE_YIELDS, /* it is in sched_yield(2) */
};

struct maze_sample {
	maze_u64 runtime_ns; /* CPU time of the task so far; never goes back */
	maze_u64 yield_ns;   /* runtime at its latest yield seen elsewhere; 0: none */
	maze_u64 asleep_ns;  /* MAZE_WAKES: how long it was not runnable */
	enum maze_act act;
};

struct maze_verdict {
	struct maze_tally tally; /* what this verdict rests on, before any reset */
	maze_u64 next_ns;	 /* CPU time from now to the next stage; 0: none is left */
	maze_u32 due;		 /* MAZE_FIRED_SOFT, _HARD: the stages reached by this sample */
	maze_u32 reset;		 /* 1: this sample ended the episode */
};

/* Whether a sleep of that kind is a reset point of its own. */
maze_inline int maze_sleep_resets(const struct maze_policy *policy, enum maze_act act)
{
	if (act == MAZE_SLEEPS)
		return policy->recovery & MAZE_RECOVERY_LOCK; /* INF has that bit too */
	return act == MAZE_LOCKS && policy->recovery == MAZE_RECOVERY_INF;
}

maze_inline void maze_reset(struct maze_account *account)
{
	account->count_ns = 0;
	account->fired = 0;
	account->sleeps = 0;
	account->asleep_ns = 0;
	account->from_ns = account->runtime_ns;
	account->episode++;
}

/* The runtime goes on to there, and what lies between belongs to no episode. */
maze_inline void maze_skip(struct maze_account *account, maze_u64 runtime_ns)
{
	account->from_ns += runtime_ns - account->runtime_ns;
	account->runtime_ns = runtime_ns;
}

/* Takes recovery * asleep_ns off the count; the product cannot overflow. */
maze_inline int maze_recover(const struct maze_policy *policy, struct maze_account *account,
			     maze_u64 asleep_ns)
{
	maze_u64 whole, rest, forgiven, ratio = maze_recovery_ratio(policy->recovery);

	if (!asleep_ns || !account->count_ns)
		return 0;
	account->sleeps++;
	account->asleep_ns += asleep_ns;
	if (asleep_ns > MAZE_LIMIT_MAX_NS)
		asleep_ns = MAZE_LIMIT_MAX_NS;
	/* 2^55 ns times 2^26 does not fit 64 bits: split at the unit of the ratio. */
	whole = asleep_ns / MAZE_RECOVERY_ONE;
	rest = asleep_ns % MAZE_RECOVERY_ONE;
	if (whole && ratio > ~0ULL / whole / 2)
		forgiven = account->count_ns;
	else
		forgiven = whole * ratio + rest * ratio / MAZE_RECOVERY_ONE;
	if (forgiven < account->count_ns) {
		account->count_ns -= forgiven;
		return 0;
	}
	maze_reset(account);
	return 1;
}

/* Which stages the count has reached and the episode has not yet had. */
maze_inline maze_u32 maze_due(const struct maze_policy *policy, const struct maze_account *account)
{
	maze_u32 due = 0;

	if (policy->soft_ns && account->count_ns >= policy->soft_ns)
		due |= MAZE_FIRED_SOFT;
	/* hard_ns >= soft_ns, so where hard is reached, soft is or was. */
	if (policy->hard_ns && account->count_ns >= policy->hard_ns)
		due |= MAZE_FIRED_HARD;
	return due & ~account->fired;
}

/* CPU time until the next stage not yet reached; 0: there is none. */
maze_inline maze_u64 maze_next(const struct maze_policy *policy, const struct maze_account *account)
{
	if (policy->soft_ns && !(account->fired & MAZE_FIRED_SOFT))
		return account->count_ns < policy->soft_ns ? policy->soft_ns - account->count_ns
							   : 1;
	if (policy->hard_ns && !(account->fired & MAZE_FIRED_HARD))
		return account->count_ns < policy->hard_ns ? policy->hard_ns - account->count_ns
							   : 1;
	return 0;
}

/*
 * CPU time after which to sample again where yields come as sample.yield_ns, between
 * samples: at the next stage, at the latest a whole first limit from now. The episode
 * that a yield begins meanwhile has its first stage a whole limit after that yield, so
 * the sample is in time for it. `next_ns` is the verdict's; 0: no stage is left.
 */
maze_inline maze_u64 maze_next_sample(const struct maze_policy *policy, maze_u64 next_ns)
{
	maze_u64 first_ns = policy->soft_ns ? policy->soft_ns : policy->hard_ns;

	if (policy->flags & MAZE_POLICY_YIELD_COUNTS)
		return next_ns;
	return next_ns && next_ns < first_ns ? next_ns : first_ns;
}

/* Charges the CPU time since the last sample, less what an unseen yield forgave. */
maze_inline maze_u32 maze_charge(const struct maze_policy *policy, struct maze_account *account,
				 const struct maze_sample *sample)
{
	maze_u64 since_yield;

	/* A stale reading counts as no time at all: late, never early. */
	if (sample->runtime_ns > account->runtime_ns) {
		account->count_ns += sample->runtime_ns - account->runtime_ns;
		account->runtime_ns = sample->runtime_ns;
	}
	if (sample->yield_ns <= account->yield_ns || (policy->flags & MAZE_POLICY_YIELD_COUNTS))
		return 0;
	account->yield_ns = sample->yield_ns;
	/* Too large by intent, it may lie ahead: nothing is charged until then. */
	if (account->runtime_ns < sample->yield_ns)
		maze_skip(account, sample->yield_ns);
	since_yield = account->runtime_ns - sample->yield_ns;
	if (since_yield >= account->count_ns)
		return 0;
	maze_reset(account);
	account->count_ns = since_yield;
	account->from_ns = sample->yield_ns;
	return 1;
}

/*
 * Takes note of CPU time that must not be charged: a caller that looks only now
 * and then calls this, right before it steps to MAZE_SLEEPS, with the runtime at a
 * moment after the reset point. On which side of that point the time lies it cannot
 * tell, and to charge too little is late, to charge too much would be early.
 */
maze_inline void maze_forgo(struct maze_account *account, maze_u64 runtime_ns)
{
	if (account->begun && runtime_ns > account->runtime_ns)
		maze_skip(account, runtime_ns);
}

/*
 * Takes note that a reset point may have been missed before runtime_ns, an upper bound of
 * the task's runtime now: nothing charged so far counts. Whether there was one is not
 * known, so the episode goes on, and a stage that it has had does not come again.
 */
maze_inline void maze_doubt(struct maze_account *account, maze_u64 runtime_ns)
{
	account->count_ns = 0;
	account->sleeps = 0;
	account->asleep_ns = 0;
	if (runtime_ns > account->runtime_ns)
		account->runtime_ns = runtime_ns;
	if (runtime_ns > account->yield_ns)
		account->yield_ns = runtime_ns;
	account->from_ns = account->runtime_ns;
}

/*
 * Steps the account to the sample and says what is due. Stages that are due are
 * marked as had; a caller that fails to act on one clears its bit in
 * account->fired to be told again. The policy must have passed
 * maze_policy_check(). Costs about 20 instructions on the common path.
 */
maze_inline struct maze_verdict maze_step(const struct maze_policy *policy,
					  struct maze_account *account,
					  const struct maze_sample *sample)
{
	struct maze_verdict verdict = { { 0, 0, 0, 0, 0 }, 0, 0, 0 };

	if (!account->begun) {
		account->begun = 1;
		account->runtime_ns = sample->runtime_ns;
		account->yield_ns = sample->yield_ns;
		account->from_ns = sample->runtime_ns;
	}
	verdict.reset = maze_charge(policy, account, sample);

	if (sample->act == MAZE_WAKES && policy->recovery != MAZE_RECOVERY_INF)
		verdict.reset |= maze_recover(policy, account, sample->asleep_ns);

	verdict.tally.count_ns = account->count_ns;
	verdict.tally.episode = account->episode;
	verdict.due = maze_due(policy, account);
	if (verdict.due) {
		verdict.tally.used_ns = account->runtime_ns - account->from_ns;
		verdict.tally.asleep_ns = account->asleep_ns;
		verdict.tally.sleeps = account->sleeps;
		account->fired |= verdict.due;
	}

	if (maze_sleep_resets(policy, sample->act) ||
	    (sample->act == MAZE_YIELDS && !(policy->flags & MAZE_POLICY_YIELD_COUNTS))) {
		maze_reset(account);
		verdict.reset = 1;
	}
	verdict.next_ns = maze_next(policy, account);
	return verdict;
}

#endif
