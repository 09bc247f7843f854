/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random schedules through core/step.h and through a model of another design: the model
 * keeps the whole history of a task as a list of entries with lengths, and computes the
 * count from the list each time. A test defines property_step(), which is maze_step() or
 * does the same.
 *
 * MAZE_SEED=N chooses the schedule; a failure prints its seed.
 */
#ifndef MAZE_TEST_PROPERTY_CASE_H
#define MAZE_TEST_PROPERTY_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/step.h"
#include "random.h"

/* The model is quadratic, so a history ends after this many entries. */
#define HISTORY_MAX 60
/* Yields between two samples. */
#define YIELDS_MAX 3

enum what { RAN, SLEPT, LOCKED, YIELDED };

struct happened {
	enum what what;
	maze_u64 ns; /* RAN: CPU time; SLEPT, LOCKED: time not runnable */
};

struct model {
	struct maze_policy policy;
	struct happened history[HISTORY_MAX + 2 * YIELDS_MAX + 4];
	int length;
	int had_soft_at, had_hard_at; /* episodes of these verdicts; -1: none */
};

/* The count and its episode by their definitions, and the streak of episode `wanted`. */
static maze_u64 model_walk(const struct model *model, int wanted, maze_u64 *ret_streak,
			   int *ret_episode)
{
	maze_u32 recovery = model->policy.recovery;
	bool of_locks = maze_recovery_is_for_locks(recovery);
	maze_u32 ratio = maze_recovery_ratio(recovery);
	unsigned __int128 count = 0, forgiven;
	int i;

	*ret_episode = 0;
	*ret_streak = 0;
	for (i = 0; i < model->length; i++) {
		const struct happened *entry = &model->history[i];

		if (entry->what == RAN) {
			count += entry->ns;
			if (*ret_episode == wanted && count > *ret_streak)
				*ret_streak = (maze_u64)count;
			continue;
		}
		if (entry->what == YIELDED) {
			if (model->policy.flags & MAZE_POLICY_YIELD_COUNTS)
				continue;
			count = 0;
			++*ret_episode;
			continue;
		}
		if (recovery == MAZE_RECOVERY_INF || (of_locks && entry->what == SLEPT)) {
			count = 0;
			++*ret_episode;
			continue;
		}
		forgiven = (unsigned __int128)entry->ns * ratio / MAZE_RECOVERY_ONE;
		if (!count || !entry->ns)
			continue;
		if (forgiven >= count)
			++*ret_episode;
		count = forgiven >= count ? 0 : count - forgiven;
	}
	return (maze_u64)count;
}

static maze_u64 model_count(const struct model *model, int *ret_episode)
{
	maze_u64 streak;

	return model_walk(model, -1, &streak, ret_episode);
}

static void add(struct model *model, enum what what, maze_u64 ns)
{
	model->history[model->length++] = (struct happened){ what, ns };
}

static maze_u32 model_due(struct model *model, maze_u64 count, int episode)
{
	maze_u32 due = 0;

	if (model->policy.soft_ns && count >= model->policy.soft_ns &&
	    model->had_soft_at != episode) {
		due |= MAZE_FIRED_SOFT;
		model->had_soft_at = episode;
	}
	if (model->policy.hard_ns && count >= model->policy.hard_ns &&
	    model->had_hard_at != episode) {
		due |= MAZE_FIRED_HARD;
		model->had_hard_at = episode;
	}
	return due;
}

static struct maze_policy random_policy(void)
{
	struct maze_policy policy = { 0 };

	do {
		policy.soft_ns = roll(4) ? MAZE_LIMIT_MIN_NS + roll(50000000) : 0;
		policy.hard_ns = roll(4) ? policy.soft_ns + roll(50000000) + MAZE_LIMIT_MIN_NS : 0;
		policy.recovery =
			roll(2) ? MAZE_RECOVERY_INF : (maze_u32)(1 + roll(3 * MAZE_RECOVERY_ONE));
		if (policy.recovery != MAZE_RECOVERY_INF && roll(2))
			policy.recovery |= MAZE_RECOVERY_LOCK;
		policy.flags = (maze_u32)roll(MAZE_POLICY_FLAGS + 1);
	} while (maze_policy_check(&policy));
	return policy;
}

static void check_next(const struct model *model, const struct maze_verdict *verdict,
		       maze_u64 count, int episode)
{
	maze_u64 next = 0;

	if (model->policy.soft_ns && model->had_soft_at != episode)
		next = model->policy.soft_ns - count;
	else if (model->policy.hard_ns && model->had_hard_at != episode)
		next = model->policy.hard_ns - count;
	assert_int_equal(verdict->next_ns, next);
}

struct pair {
	struct model model;
	struct maze_account account;
	maze_u64 runtime; /* clock of the task, from any start */
	maze_u64 yield_ns;
	maze_u64 begun_ns;		  /* its first runtime */
	maze_u64 spent_ns;		  /* in episodes that have ended */
	maze_u64 streaks[2 * YIELDS_MAX]; /* told in the current step, but for those of 0 ns */
	int streak_count;
};

static void note_streak(struct pair *pair, maze_u64 streak_ns)
{
	if (streak_ns)
		pair->streaks[pair->streak_count++] = streak_ns;
}

static struct maze_verdict step(struct pair *pair, const struct maze_sample *sample)
{
	struct maze_verdict verdict = property_step(&pair->model.policy, &pair->account, sample);

	if (verdict.ended)
		note_streak(pair, verdict.streak_ns);
	pair->spent_ns += verdict.spent_ns;
	assert_int_equal(pair->spent_ns + pair->account.runtime_ns - pair->account.from_ns,
			 pair->runtime - pair->begun_ns);
	return verdict;
}

/* Compares the streaks of this step with those of the episodes since `before`. */
static void check_streaks(struct pair *pair, int before)
{
	maze_u64 streak_ns;
	int episode, now, next = 0;

	model_count(&pair->model, &now);
	for (episode = before; episode < now; episode++) {
		model_walk(&pair->model, episode, &streak_ns, &(int){ 0 });
		if (!streak_ns)
			continue;
		assert_true(next < pair->streak_count);
		assert_int_equal(pair->streaks[next++], streak_ns);
	}
	assert_int_equal(next, pair->streak_count);
	model_walk(&pair->model, now, &streak_ns, &now);
	assert_int_equal(maze_streak(&pair->account), streak_ns);
	pair->streak_count = 0;
}

static void begin(struct pair *pair)
{
	struct maze_sample sample = { .act = MAZE_RUNS };

	memset(pair, 0, sizeof(*pair));
	pair->model.policy = random_policy();
	pair->model.had_soft_at = pair->model.had_hard_at = -1;
	pair->runtime = pair->begun_ns = 1 + roll(1000000000);
	sample.runtime_ns = pair->runtime;
	property_step(&pair->model.policy, &pair->account, &sample);
	pair->yield_ns = 0;
}

/* A child: the parent's policy, with a count of 0. */
static void fork_child(struct pair *pair)
{
	struct maze_policy policy = pair->model.policy;

	begin(pair);
	pair->model.policy = policy;
}

/* For a verdict: the definition of used and forgiven time, within the episode only. */
static void check_tally(const struct model *model, const struct maze_verdict *verdict)
{
	const struct maze_tally *tally = &verdict->tally;
	maze_u64 used = 0, asleep = 0, sleeps = 0;
	struct model until = *model;
	int episode, now, i;

	if (!verdict->due)
		return;
	model_count(model, &now);
	for (i = 0; i < model->length; i++) {
		until.length = i + 1;
		model_count(&until, &episode);
		if (episode != now)
			continue;
		if (model->history[i].what == RAN)
			used += model->history[i].ns;
		else if (model->history[i].what != YIELDED && used)
			sleeps++, asleep += model->history[i].ns;
	}
	assert_int_equal(tally->used_ns, used);
	assert_int_equal(tally->asleep_ns, asleep);
	assert_int_equal(tally->sleeps, sleeps);
}

/* The task runs, and perhaps yields; the next sample reports the latest yield. */
static void run(struct pair *pair)
{
	maze_u64 yields = roll(6) ? 0 : 1 + roll(YIELDS_MAX), ran, at;

	for (; yields; yields--) {
		ran = roll(8) ? roll(4000000) : 0;
		add(&pair->model, RAN, ran);
		add(&pair->model, YIELDED, 0);
		pair->runtime += ran;
		at = pair->runtime;
		if (!(pair->model.policy.flags & MAZE_POLICY_YIELD_COUNTS))
			note_streak(pair, maze_yield_streak(&pair->account, pair->yield_ns, at));
		pair->yield_ns = at;
	}
	ran = roll(3) ? roll(8000000) : roll(40000000);
	add(&pair->model, RAN, ran);
	pair->runtime += ran;
}

static void one_step(struct pair *pair)
{
	struct maze_sample sample = { .act = MAZE_RUNS };
	bool sleeps = false, locks = roll(2);
	struct maze_verdict verdict;
	int episode, before;
	maze_u64 count;

	model_count(&pair->model, &before);
	run(pair);
	sample.runtime_ns = pair->runtime;
	sample.yield_ns = pair->yield_ns;

	switch (roll(4)) {
	case 0:
		sample.act = locks ? MAZE_LOCKS : MAZE_SLEEPS;
		sleeps = true;
		break;
	case 1:
		sample.act = MAZE_YIELDS;
		break;
	default:
		break;
	}
	count = model_count(&pair->model, &episode);
	verdict = step(pair, &sample);
	assert_int_equal(verdict.tally.count_ns, count);
	check_tally(&pair->model, &verdict);
	assert_int_equal(verdict.due, model_due(&pair->model, count, episode));
	assert_true(!(verdict.due & MAZE_FIRED_SOFT) || count >= pair->model.policy.soft_ns);
	assert_true(!(verdict.due & MAZE_FIRED_HARD) || count >= pair->model.policy.hard_ns);

	if (sample.act == MAZE_YIELDS)
		add(&pair->model, YIELDED, 0);
	if (sleeps) {
		/* After a reset an engine does not report the wakeup, or reports no sleep. */
		/* 0: shorter than the clock can tell. */
		sample.asleep_ns = roll(8) ? roll(20000000) : 0;
		add(&pair->model, locks ? LOCKED : SLEPT, sample.asleep_ns);
		if (maze_sleep_resets(&pair->model.policy, sample.act)) {
			sample.asleep_ns = 0;
			sample.act = roll(2) ? MAZE_WAKES : MAZE_RUNS;
		} else {
			sample.act = MAZE_WAKES;
		}
		verdict = step(pair, &sample);
	}
	count = model_count(&pair->model, &episode);
	assert_int_equal(pair->account.count_ns, count);
	check_next(&pair->model, &verdict, count, episode);
	check_streaks(pair, before);
}

/* Runs schedules of this number of steps. */
static void run_random_schedules(int steps)
{
	const char *seed = getenv("MAZE_SEED");
	maze_u64 start = seed ? strtoull(seed, NULL, 10) : 20080513;
	struct pair pair;
	int i;

	random_state = start ? start : 1;
	/* A failed assertion below ends the test: print the seed first. */
	print_message("# MAZE_SEED=%llu\n", start);
	begin(&pair);
	for (i = 0; i < steps; i++) {
		if (pair.model.length > HISTORY_MAX || roll(100) == 0) {
			if (roll(2))
				fork_child(&pair);
			else
				begin(&pair); /* as a new policy does */
		}
		one_step(&pair);
	}
}

#endif
