/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The definition of the level of a group and of its verdicts (DESIGN section 2). A group
 * is a process, a tree of processes or a control group.
 *
 * The level rises by the CPU time that the group uses and falls by `share` of the time
 * that passes, but not below 0. An episode is the time from one level of 0 to the next.
 * In one episode the level can reach the soft limit once and then the hard limit once, as
 * the count of a thread does (core/step.h).
 *
 * With X = usage - share * time, the level is X minus the lowest X so far. The lowest X
 * of some samples is not below the lowest X of all times, so samples at any interval give
 * a level that is never too high. A verdict must never be early. So a sample has two
 * bounds of X. The lower one is the current X, and the upper one can be the lowest X.
 *
 * The functions use no clock, allocation, lock, float or loop. Time is CLOCK_MONOTONIC,
 * which stands still during a suspend, as the usage does.
 */
#ifndef MAZE_CORE_BUDGET_H
#define MAZE_CORE_BUDGET_H

#include "step.h"

/*
 * The budget of one group. A budget of zeros is valid, and begins with the first sample.
 * The caller owns it and makes no concurrent calls for it.
 */
struct maze_budget {
	/*
	 * runtime_ns is the usage at the last sample, and count_ns is the level. The members
	 * for yields and sleeps are not used.
	 */
	struct maze_account account;
	maze_u64 time_ns;      /* the time of the last sample */
	maze_u64 from_time_ns; /* the time when the episode began */
	maze_u64 debt_ns;      /* how far X is below its lowest upper bound; 0 above level 0 */
};

struct maze_budget_sample {
	maze_u64 usage_ns; /* CPU time of the group; the read may lag, but not be ahead */
	maze_u64 lag_ns;   /* the most by which usage_ns may lag */
	maze_u64 begin_ns; /* time right before the usage was read */
	maze_u64 end_ns;   /* time right after it was read */
};

/* Returns share * time_ns in ns, but at most 2^62, so that a sum does not overflow. */
maze_inline maze_u64 maze_share_of(maze_u32 share, maze_u64 time_ns)
{
	maze_u64 whole = time_ns / MAZE_SHARE_ONE, rest = time_ns % MAZE_SHARE_ONE;

	if (whole && share > (1ULL << 61) / whole)
		return 1ULL << 62;
	return whole * share + rest * share / MAZE_SHARE_ONE;
}

/*
 * How far the upper bound of X in a sample is above the lower one, which is for the latest
 * time of all samples.
 */
maze_inline maze_u64 maze_budget_slack(const struct maze_policy *policy,
				       const struct maze_budget *budget,
				       const struct maze_budget_sample *sample)
{
	return sample->lag_ns + maze_share_of(policy->share, budget->time_ns - sample->begin_ns) +
	       1;
}

/* Advances usage, time and level, and returns 1 if the level has become 0. */
maze_inline maze_u32 maze_budget_advance(const struct maze_policy *policy,
					 struct maze_budget *budget,
					 const struct maze_budget_sample *sample)
{
	struct maze_account *account = &budget->account;
	maze_u64 rise_ns = account->count_ns, fall_ns = budget->debt_ns, slack_ns;

	if (sample->usage_ns > account->runtime_ns) {
		rise_ns += sample->usage_ns - account->runtime_ns;
		account->runtime_ns = sample->usage_ns;
	}
	if (sample->end_ns > budget->time_ns) {
		/* Add 1, because the product is rounded down. */
		fall_ns += maze_share_of(policy->share, sample->end_ns - budget->time_ns) + 1;
		budget->time_ns = sample->end_ns;
	}
	if (rise_ns > fall_ns) {
		account->count_ns = rise_ns - fall_ns;
		budget->debt_ns = 0;
		return 0;
	}
	slack_ns = maze_budget_slack(policy, budget, sample);
	budget->debt_ns = fall_ns - rise_ns < slack_ns ? fall_ns - rise_ns : slack_ns;
	rise_ns = account->count_ns;
	account->count_ns = 0;
	return rise_ns != 0;
}

/* The level is 0, so the next episode begins. */
maze_inline void maze_budget_reset(struct maze_budget *budget, maze_u32 ended)
{
	maze_reset(&budget->account);
	budget->account.episode -= !ended;
	budget->from_time_ns = budget->time_ns;
}

/*
 * Advances the budget to the sample, and returns the stages that are due, as maze_step()
 * does. In the verdict, tally.elapsed_ns is the time of the episode, and next_ns how far
 * the level is below the next stage. The policy has a group scope and has passed
 * maze_policy_check(). A usage or a time that is lower than at the last sample is
 * ignored, which may make a verdict late, but never early.
 */
maze_inline struct maze_verdict maze_budget_step(const struct maze_policy *policy,
						 struct maze_budget *budget,
						 const struct maze_budget_sample *sample)
{
	struct maze_verdict verdict = { { 0, 0, { 0 }, 0, 0 }, 0, 0, 0, 0, 0, 0 };
	struct maze_account *account = &budget->account;

	if (!account->begun) {
		account->begun = 1;
		account->runtime_ns = sample->usage_ns;
		budget->time_ns = sample->end_ns;
		budget->debt_ns = maze_budget_slack(policy, budget, sample);
	} else {
		verdict.reset = maze_budget_advance(policy, budget, sample);
	}
	if (!account->count_ns)
		maze_budget_reset(budget, verdict.reset);
	verdict.tally.count_ns = account->count_ns;
	verdict.tally.episode = account->episode;
	verdict.due = maze_due(policy, account);
	if (verdict.due) {
		verdict.tally.used_ns = account->runtime_ns - account->from_ns;
		verdict.tally.elapsed_ns = budget->time_ns - budget->from_time_ns;
		account->fired |= verdict.due;
	}
	verdict.next_ns = maze_next(policy, account);
	return verdict;
}

#endif
