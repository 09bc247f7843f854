/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The definition of the maze count and of verdicts. Every engine uses these functions.
 *
 * A task's maze count is the CPU time that it has used since its last reset point. Reset
 * points are:
 *   - it leaves the CPU not runnable (it sleeps, blocks or is stopped);
 *   - it calls sched_yield(2), unless its policy counts yields;
 *   - its watch begins.
 * Preemption, migration, throttling, execve, and system calls that fail or do not block
 * are not reset points. An episode is the time from one reset point to the next. In one
 * episode the count can reach the soft limit once and then the hard limit once:
 *
 *              count >= soft            count >= hard
 *     ARMED ─────────────────► SOFT ─────────────────► HARD
 *       ▲                        │                       │
 *       └──────── reset ─────────┴──────── reset ────────┘
 *
 * A stage whose limit is 0 is skipped. With infinite recovery each sleep is a reset. With
 * a finite recovery r, each ns that the task is not runnable takes r ns off the count. A
 * reset then occurs when the count becomes 0. So a program that uses more than r/(1+r) of
 * one CPU for long enough reaches its limit although it sleeps. With a finite recovery
 * for locks, this applies only to waits for a lock, and any other sleep is a reset.
 *
 * The streak of an episode is the highest count in it (core/streaks.h).
 *
 * The functions use no clock, allocation, lock, float or loop. A sample contains the
 * task's runtime in ns, as the scheduler accounts it and CLOCK_THREAD_CPUTIME_ID reads
 * it. The runtime does not include steal time or suspends. A verdict must never be early.
 * So a caller that does not know the exact runtime passes a lower bound, but for the time
 * of a yield it passes an upper bound.
 */
#ifndef MAZE_CORE_STEP_H
#define MAZE_CORE_STEP_H

#include "policy.h"
#include "record.h"

#define MAZE_FIRED_SOFT (1U << 0) /* this episode has had its soft verdict */
#define MAZE_FIRED_HARD (1U << 1) /* this episode has had its hard verdict */

/*
 * The account of one task. An account of zeros is valid, and begins with the first
 * sample. The caller owns the account and makes no concurrent calls for it.
 */
struct maze_account {
	maze_u64 runtime_ns; /* the task's runtime at the last sample */
	maze_u64 count_ns;   /* the maze count at the last sample */
	maze_u64 yield_ns;   /* the task's runtime at the last yield that was accounted for */
	maze_u32 fired;	     /* MAZE_FIRED_* */
	maze_u32 episode;    /* number of resets */
	maze_u32 begun;	     /* 0 until the first sample has set runtime_ns */
	maze_u32 sleeps;     /* in this episode, see struct maze_tally */
	maze_u64 asleep_ns;  /* time of these sleeps, see struct maze_tally */
	maze_u64 from_ns;    /* the task's runtime when the episode began */
	maze_u64 peak_ns;    /* the highest count before a sleep of this episode */
};
maze_static_assert(sizeof(struct maze_account) == 64,
		   "struct maze_account is shared with the kernel");

/* What the task does at the time of the sample. */
enum maze_act {
	MAZE_RUNS,   /* it continues to run or is preempted */
	MAZE_SLEEPS, /* it leaves the CPU not runnable */
	MAZE_LOCKS,  /* it sleeps to wait for a lock; see maze_sleep_resets() */
	MAZE_WAKES,  /* it gets a CPU after a sleep that was not a reset */
	MAZE_YIELDS, /* it is in sched_yield(2) */
};

struct maze_sample {
	maze_u64 runtime_ns; /* CPU time of the task; must not decrease */
	maze_u64 yield_ns;   /* runtime at its latest yield without a sample of its own; 0: none */
	maze_u64 asleep_ns;  /* MAZE_WAKES: time that it was not runnable */
	enum maze_act act;
};

struct maze_verdict {
	struct maze_tally tally; /* of the episode, before a reset by this sample */
	maze_u64 next_ns;	 /* CPU time until the next stage; 0: no stage is left */
	maze_u32 due;		 /* MAZE_FIRED_*: the stages reached by this sample */
	maze_u32 reset;		 /* 1: this sample ended an episode */
	/*
	 * If reset: CPU time of the episodes that ended. `ended` is 1 if the act of the
	 * sample ended one, and then streak_ns is its streak. A yield before the sample
	 * ended another one, see maze_yield_streak().
	 */
	maze_u64 spent_ns;
	maze_u64 streak_ns;
	maze_u32 ended;
};

/* Whether a sleep of this kind (MAZE_SLEEPS or MAZE_LOCKS) is a reset point. */
maze_inline int maze_sleep_resets(const struct maze_policy *policy, enum maze_act act)
{
	if (act == MAZE_SLEEPS)
		return policy->recovery & MAZE_RECOVERY_LOCK; /* INF has this bit too */
	return act == MAZE_LOCKS && policy->recovery == MAZE_RECOVERY_INF;
}

/* Ends the episode and begins the next one at the account's runtime. */
maze_inline void maze_reset(struct maze_account *account)
{
	account->count_ns = 0;
	account->fired = 0;
	account->sleeps = 0;
	account->asleep_ns = 0;
	account->from_ns = account->runtime_ns;
	account->peak_ns = 0;
	account->episode++;
}

/* Returns the streak of the episode up to the last sample. */
maze_inline maze_u64 maze_streak(const struct maze_account *account)
{
	return account->count_ns > account->peak_ns ? account->count_ns : account->peak_ns;
}

/*
 * Returns the streak that ends with a yield for which no sample is taken. A later sample
 * reports only the latest of such yields. So call this at each of them, before yield_ns
 * replaces `noted_ns`, the yield before.
 */
maze_inline maze_u64 maze_yield_streak(const struct maze_account *account, maze_u64 noted_ns,
				       maze_u64 yield_ns)
{
	maze_u64 count_ns = 0;

	if (noted_ns > account->yield_ns)
		return yield_ns > noted_ns ? yield_ns - noted_ns : 0;
	if (yield_ns >= account->runtime_ns)
		count_ns = account->count_ns + (yield_ns - account->runtime_ns);
	return count_ns > account->peak_ns ? count_ns : account->peak_ns;
}

/*
 * Advances the account's runtime to runtime_ns, but does not add the time to the count.
 */
maze_inline void maze_skip(struct maze_account *account, maze_u64 runtime_ns)
{
	account->from_ns += runtime_ns - account->runtime_ns;
	account->runtime_ns = runtime_ns;
}

/*
 * Subtracts recovery * asleep_ns from the count, but not below 0. Returns 1 if the count
 * is now 0, which is a reset. A sleep that is too short for the clock has 0 ns, and is
 * counted as a sleep too.
 */
maze_inline int maze_recover(const struct maze_policy *policy, struct maze_account *account,
			     maze_u64 asleep_ns)
{
	maze_u64 whole, rest, forgiven, ratio = maze_recovery_ratio(policy->recovery);

	if (!account->count_ns)
		return 0;
	account->peak_ns = maze_streak(account);
	account->sleeps++;
	account->asleep_ns += asleep_ns;
	if (asleep_ns > MAZE_LIMIT_MAX_NS)
		asleep_ns = MAZE_LIMIT_MAX_NS;
	/* asleep_ns has up to 55 bits and ratio 26, so multiply in two parts. */
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

/*
 * Returns the stages (MAZE_FIRED_*) that the count has reached and that have not fired in
 * this episode.
 */
maze_inline maze_u32 maze_due(const struct maze_policy *policy, const struct maze_account *account)
{
	maze_u32 due = 0;

	if (policy->soft_ns && account->count_ns >= policy->soft_ns)
		due |= MAZE_FIRED_SOFT;
	/* hard_ns >= soft_ns, so the soft stage is due now too, or has fired already. */
	if (policy->hard_ns && account->count_ns >= policy->hard_ns)
		due |= MAZE_FIRED_HARD;
	return due & ~account->fired;
}

/* Returns the CPU time until the next stage; 0: no stage is left. */
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
 * Returns the CPU time until the next sample, for callers that pass yields as
 * sample.yield_ns. `next_ns` is maze_verdict.next_ns. The result is at most the first
 * limit, because a yield before the sample may begin a new episode. The first stage of
 * that episode is due one first limit after the yield, so the sample comes in time.
 */
maze_inline maze_u64 maze_next_sample(const struct maze_policy *policy, maze_u64 next_ns)
{
	maze_u64 first_ns = maze_first_limit(policy);

	if (policy->flags & MAZE_POLICY_YIELD_COUNTS)
		return next_ns;
	return next_ns && next_ns < first_ns ? next_ns : first_ns;
}

/* Charges CPU time since the last sample or a later yield. 1: that yield was a reset. */
maze_inline maze_u32 maze_charge(const struct maze_policy *policy, struct maze_account *account,
				 const struct maze_sample *sample)
{
	maze_u64 since_yield;

	/* Ignore a lower reading. This may make a verdict late, but never early. */
	if (sample->runtime_ns > account->runtime_ns) {
		account->count_ns += sample->runtime_ns - account->runtime_ns;
		account->runtime_ns = sample->runtime_ns;
	}
	if (sample->yield_ns <= account->yield_ns || (policy->flags & MAZE_POLICY_YIELD_COUNTS))
		return 0;
	account->yield_ns = sample->yield_ns;
	/* yield_ns, an upper bound, may exceed the runtime. Then skip up to it. */
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
 * Skips the CPU time up to runtime_ns. A caller that polls calls this right before a step
 * with MAZE_SLEEPS, and passes a runtime that it read after the reset point. The caller
 * does not know how much of the skipped time the task used before the reset point. So it
 * charges none of it, because a verdict must not be early.
 */
maze_inline void maze_forgo(struct maze_account *account, maze_u64 runtime_ns)
{
	if (account->begun && runtime_ns > account->runtime_ns)
		maze_skip(account, runtime_ns);
}

/*
 * Discards the count because a reset point may have been missed before runtime_ns, an
 * upper bound of the task's runtime. But it is not certain that a reset point occurred.
 * So the episode continues, and a stage that has fired in it does not fire again.
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
 * Advances the account to the sample, returns the stages that are due, and marks them in
 * account->fired. A caller that could not act on a stage clears its bit in
 * account->fired, so the next step returns the stage again. The policy must have passed
 * maze_policy_check(). The common path takes about 20 instructions.
 */
maze_inline struct maze_verdict maze_step(const struct maze_policy *policy,
					  struct maze_account *account,
					  const struct maze_sample *sample)
{
	struct maze_verdict verdict = { { 0, 0, { 0 }, 0, 0 }, 0, 0, 0, 0, 0, 0 };
	maze_u64 from_ns;

	if (!account->begun) {
		account->begun = 1;
		account->runtime_ns = sample->runtime_ns;
		account->yield_ns = sample->yield_ns;
		account->from_ns = sample->runtime_ns;
	}
	from_ns = account->from_ns;
	verdict.reset = maze_charge(policy, account, sample);
	verdict.streak_ns = maze_streak(account);

	if (sample->act == MAZE_WAKES && policy->recovery != MAZE_RECOVERY_INF)
		verdict.ended = maze_recover(policy, account, sample->asleep_ns);

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
		verdict.ended = 1;
	}
	verdict.reset |= verdict.ended;
	verdict.spent_ns = account->from_ns - from_ns;
	verdict.next_ns = maze_next(policy, account);
	return verdict;
}

#endif
