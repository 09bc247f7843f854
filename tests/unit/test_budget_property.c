/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random samples through core/budget.h, beside two models. The slow model keeps all
 * samples and computes each level from the definition. The true group has a level that is
 * known at any time, also between samples.
 *
 * MAZE_SEED=N chooses the random numbers; the test prints its seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/budget.h"
#include "random.h"

#define MS MAZE_NSEC_PER_MSEC
#define SEC MAZE_NSEC_PER_SEC
#define HISTORIES 6000
/* The model is cubic, so a history is short. */
#define HISTORY_MAX 40
#define TRUTHS 3000

typedef __int128 wide;

/* Below 2^bits, with any number of bits. */
static maze_u64 roll_any(unsigned int bits)
{
	return roll(1ULL << (1 + roll(bits)));
}

static void seed_random(void)
{
	const char *seed = getenv("MAZE_SEED");

	random_state = seed ? strtoull(seed, NULL, 10) : 20080513;
	random_state += !random_state;
	print_message("# MAZE_SEED=%llu\n", random_state);
}

static struct maze_policy policy;
static struct maze_budget budget;

/* ---- the model ------------------------------------------------------------------------ */

/* A sample as the definition takes it: the highest usage and time so far. */
struct seen {
	maze_u64 usage_ns, time_ns;
	wide low, high;		    /* bounds of X as the step rounds them */
	wide exact_low, exact_high; /* in 1/65536 ns */
};

struct model {
	struct seen seen[HISTORY_MAX];
	int length;
	maze_u32 fired;
	wide fallen; /* by the share of the time since the first sample, as rounded */
};

static wide max_wide(wide a, wide b)
{
	return a > b ? a : b;
}

static void model_add(struct model *model, const struct maze_budget_sample *sample)
{
	struct seen *seen = &model->seen[model->length], *last = model->length ? seen - 1 : NULL;
	wide one = MAZE_SHARE_ONE, share = policy.share, length_ns;

	seen->usage_ns = sample->usage_ns;
	seen->time_ns = sample->end_ns;
	if (last && last->usage_ns > seen->usage_ns)
		seen->usage_ns = last->usage_ns;
	if (last && last->time_ns > seen->time_ns)
		seen->time_ns = last->time_ns;
	if (last && last->time_ns < seen->time_ns)
		model->fallen += share * (seen->time_ns - last->time_ns) / one + 1;
	length_ns = seen->time_ns - sample->begin_ns;
	seen->low = seen->usage_ns - model->fallen;
	seen->high = seen->low + sample->lag_ns + share * length_ns / one + 1;
	seen->exact_low = seen->usage_ns * one - share * seen->time_ns;
	seen->exact_high = seen->exact_low + sample->lag_ns * one + share * length_ns;
	model->length++;
}

/* The level at one of the samples: the definition. */
static maze_u64 model_level(const struct model *model, int at)
{
	wide level = 0;
	int i;

	for (i = 0; i <= at; i++)
		level = max_wide(level, model->seen[at].low - model->seen[i].high);
	return (maze_u64)level;
}

/* The same without rounding, in ns rounded down. */
static maze_u64 exact_level(const struct model *model, int at)
{
	wide level = 0;
	int i;

	for (i = 0; i <= at; i++)
		level = max_wide(level, model->seen[at].exact_low - model->seen[i].exact_high);
	return (maze_u64)(level / MAZE_SHARE_ONE);
}

/* The last sample of level 0, and the number of those that ended an episode. */
static int model_episode(const struct model *model, maze_u32 *ret_episode)
{
	maze_u64 level, before = 0;
	int i, from = 0;

	*ret_episode = 0;
	for (i = 0; i < model->length; i++) {
		level = model_level(model, i);
		if (!level)
			from = i;
		*ret_episode += before && !level;
		before = level;
	}
	return from;
}

static maze_u32 model_due(struct model *model, maze_u64 level)
{
	maze_u32 reached = 0, due;

	if (policy.soft_ns && level >= policy.soft_ns)
		reached |= MAZE_FIRED_SOFT;
	if (policy.hard_ns && level >= policy.hard_ns)
		reached |= MAZE_FIRED_HARD;
	if (!level)
		model->fired = 0;
	due = reached & ~model->fired;
	model->fired |= due;
	return due;
}

static maze_u64 model_next(const struct model *model, maze_u64 level)
{
	if (policy.soft_ns && !(model->fired & MAZE_FIRED_SOFT))
		return policy.soft_ns - level;
	if (policy.hard_ns && !(model->fired & MAZE_FIRED_HARD))
		return policy.hard_ns - level;
	return 0;
}

static maze_u32 random_share(void)
{
	switch (roll(5)) {
	case 0:
		return 1;
	case 1:
		return MAZE_SHARE_MAX;
	case 2:
		return 1 + (maze_u32)roll(MAZE_SHARE_MAX);
	default:
		return 1 + (maze_u32)roll(4 * MAZE_SHARE_ONE);
	}
}

static void random_policy(void)
{
	do {
		policy =
			(struct maze_policy){ .share = random_share(), .flags = MAZE_POLICY_SCOPE };
		policy.soft_ns = roll(4) ? MAZE_LIMIT_MIN_NS + roll_any(36) : 0;
		policy.hard_ns = roll(4) ? policy.soft_ns + roll_any(36) + MAZE_LIMIT_MIN_NS : 0;
	} while (maze_policy_check(&policy));
	memset(&budget, 0, sizeof(budget));
}

/* From the sample before: usage and time stand still, go back, go on, or jump far. */
static void random_sample(struct maze_budget_sample *sample)
{
	maze_u64 pass_ns = roll(6) ? roll_any(roll(20) ? 32 : 52) : 0;
	maze_u64 fair_ns = maze_share_of(policy.share, pass_ns), back_ns = roll_any(30);

	switch (roll(8)) {
	case 0:
		sample->usage_ns -= back_ns < sample->usage_ns ? back_ns : 0;
		break;
	case 1:
		break;
	case 2:
		sample->usage_ns += roll_any(roll(20) ? 34 : 54);
		break;
	default:
		/* Near the share, so that the level stays near a bound for long. */
		sample->usage_ns += roll(2 * (fair_ns >> 53 ? 1 : fair_ns) + 2);
		break;
	}
	sample->end_ns += pass_ns;
	if (!roll(10))
		sample->end_ns -= back_ns < sample->end_ns / 2 ? back_ns : 0;
	sample->begin_ns = sample->end_ns - (roll(2) ? roll_any(24) % sample->end_ns : 0);
	sample->lag_ns = roll(2) ? roll_any(roll(10) ? 26 : 40) : 0;
}

static void compare(struct model *model, const struct maze_verdict *verdict)
{
	maze_u64 level = model_level(model, model->length - 1);
	maze_u64 exact = exact_level(model, model->length - 1);
	const struct seen *now = &model->seen[model->length - 1], *from;
	maze_u32 episode, before = 0;

	from = &model->seen[model_episode(model, &episode)];
	model->length--;
	if (model->length)
		model_episode(model, &before);
	model->length++;
	assert_true(verdict->tally.count_ns == level);
	assert_true(budget.account.count_ns == level);
	/* Never above the exact level, and rounded by 1 ns a sample at most. */
	assert_true(level <= exact && exact - level <= (maze_u64)model->length + 2);
	assert_int_equal(verdict->tally.episode, episode);
	assert_int_equal(verdict->reset, episode - before);
	assert_int_equal(verdict->due, model_due(model, level));
	assert_true(verdict->next_ns == model_next(model, level));
	if (!verdict->due)
		return;
	assert_true(verdict->tally.used_ns == now->usage_ns - from->usage_ns);
	assert_true(verdict->tally.elapsed_ns == now->time_ns - from->time_ns);
}

static void random_samples_match_the_slow_model(void **state)
{
	struct maze_budget_sample sample;
	int i, stages = 0, resets = 0;
	struct maze_verdict verdict;
	struct model model;

	(void)state;
	seed_random();
	for (i = 0; i < HISTORIES; i++) {
		random_policy();
		memset(&model, 0, sizeof(model));
		sample = (struct maze_budget_sample){ .usage_ns = roll_any(50),
						      .end_ns = 1 + roll_any(50) };
		while (model.length < HISTORY_MAX) {
			random_sample(&sample);
			model_add(&model, &sample);
			verdict = maze_budget_step(&policy, &budget, &sample);
			compare(&model, &verdict);
			stages += verdict.due != 0;
			resets += (int)verdict.reset;
		}
	}
	/* The samples reach what they are for. */
	assert_true(stages > HISTORIES && resets > HISTORIES);
}

/* ---- a group whose level is known ------------------------------------------------------ */

#define PIECES 12

/* Usage as a piecewise linear function of time. */
struct truth {
	struct {
		maze_u64 from_ns;
		maze_u64 rate; /* in 1/65536 CPU */
		wide usage;    /* at from_ns, in 1/65536 ns */
	} piece[PIECES + 1];
	maze_u64 end_ns;
};

static wide usage_at(const struct truth *truth, maze_u64 ns)
{
	int i = PIECES;

	while (i > 0 && truth->piece[i].from_ns > ns)
		i--;
	return truth->piece[i].usage + (wide)truth->piece[i].rate * (ns - truth->piece[i].from_ns);
}

static wide x_at(const struct truth *truth, maze_u64 ns)
{
	return usage_at(truth, ns) - (wide)policy.share * ns;
}

/* X is linear between the ends of pieces, so it is lowest at one of them or at an end. */
static wide level_at(const struct truth *truth, maze_u64 from_ns, maze_u64 ns)
{
	wide lowest = x_at(truth, from_ns), x;
	int i;

	for (i = 0; i <= PIECES; i++) {
		if (truth->piece[i].from_ns <= from_ns || truth->piece[i].from_ns >= ns)
			continue;
		x = x_at(truth, truth->piece[i].from_ns);
		lowest = x < lowest ? x : lowest;
	}
	x = x_at(truth, ns);
	return x - (x < lowest ? x : lowest);
}

/* Rest, work, work on several CPUs, and about the share; `whole`: whole CPUs only. */
static maze_u64 random_rate(bool whole)
{
	if (whole)
		return roll(4) * MAZE_SHARE_ONE;
	switch (roll(4)) {
	case 0:
		return 0;
	case 1:
		return roll(MAZE_SHARE_ONE + 1);
	case 2:
		return roll(8 * MAZE_SHARE_ONE);
	default:
		return roll(2ULL * policy.share + 1);
	}
}

static void random_truth(struct truth *truth, bool whole)
{
	maze_u64 at_ns = 1 + roll_any(40);
	wide usage = (wide)roll_any(40) * MAZE_SHARE_ONE;
	int i;

	for (i = 0; i <= PIECES; i++) {
		truth->piece[i].from_ns = i ? at_ns : 0;
		truth->piece[i].rate = i ? random_rate(whole) : 0;
		truth->piece[i].usage = usage;
		if (!i)
			continue;
		truth->end_ns = at_ns + 1 + roll(SEC);
		usage += (wide)truth->piece[i].rate * (truth->end_ns - at_ns);
		at_ns = truth->end_ns;
	}
}

/* A read at some time within the sample, which may be late by up to lag_ns. */
static struct maze_budget_sample read_at(const struct truth *truth, maze_u64 begin_ns,
					 maze_u64 end_ns, maze_u64 lag_ns)
{
	maze_u64 usage_ns = (maze_u64)(usage_at(truth, begin_ns + roll(end_ns - begin_ns + 1)) /
				       MAZE_SHARE_ONE);
	maze_u64 late_ns = roll(lag_ns + 1);

	return (struct maze_budget_sample){ .usage_ns =
						    usage_ns - (late_ns < usage_ns ? late_ns : 0),
					    /* The clock has whole ns. */
					    .lag_ns = lag_ns + 1,
					    .begin_ns = begin_ns,
					    .end_ns = end_ns };
}

/* Also for samples that come in another order than they were taken. */
static void no_level_is_above_the_true_one(void **state)
{
	maze_u64 from_ns, at_ns, begin_ns, end_ns, latest_ns;
	struct maze_budget_sample sample;
	struct maze_verdict verdict;
	struct truth truth;
	int i, levels = 0;

	(void)state;
	seed_random();
	for (i = 0; i < TRUTHS; i++) {
		random_policy();
		random_truth(&truth, false);
		from_ns = at_ns = latest_ns = truth.piece[1].from_ns + roll(SEC);
		while (at_ns < truth.end_ns) {
			begin_ns =
				at_ns -
				(latest_ns > from_ns ? roll(at_ns - from_ns + 1) >> roll(40) : 0);
			end_ns = begin_ns + roll_any(26);
			sample = read_at(&truth, begin_ns, end_ns, roll(2) ? roll_any(27) : 0);
			if (end_ns > latest_ns)
				latest_ns = end_ns;
			verdict = maze_budget_step(&policy, &budget, &sample);
			assert_true((wide)verdict.tally.count_ns * MAZE_SHARE_ONE <=
				    level_at(&truth, from_ns, latest_ns));
			levels += verdict.tally.count_ns > MS;
			at_ns += roll_any(30);
		}
	}
	assert_true(levels > TRUTHS);
}

static void dense_exact_samples_come_close(void **state)
{
	const maze_u64 interval_ns = MS;
	struct maze_budget_sample sample;
	struct maze_verdict verdict;
	wide level, found, short_of;
	maze_u64 from_ns, at_ns;
	int i, samples, levels = 0;
	struct truth truth;

	(void)state;
	seed_random();
	for (i = 0; i < TRUTHS / 30; i++) {
		random_policy();
		policy.share = 1 + (maze_u32)roll(4 * MAZE_SHARE_ONE);
		random_truth(&truth, true);
		samples = 0;
		from_ns = truth.piece[1].from_ns;
		for (at_ns = from_ns; at_ns < truth.end_ns; at_ns += 1 + roll(interval_ns)) {
			sample = read_at(&truth, at_ns, at_ns, 0);
			sample.lag_ns = 0;
			verdict = maze_budget_step(&policy, &budget, &sample);
			level = level_at(&truth, from_ns, at_ns);
			found = (wide)verdict.tally.count_ns * MAZE_SHARE_ONE;
			/* The lowest X can come between two samples. */
			short_of = (wide)policy.share * interval_ns +
				   (wide)(++samples + 1) * MAZE_SHARE_ONE;
			assert_true(found <= level && level - found <= short_of);
			levels += verdict.tally.count_ns > 100 * MS;
		}
	}
	assert_true(levels > TRUTHS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_samples_match_the_slow_model),
		cmocka_unit_test(no_level_is_above_the_true_one),
		cmocka_unit_test(dense_exact_samples_come_close),
	};

	return cmocka_run_group_tests_name("budget property", tests, NULL, NULL);
}
