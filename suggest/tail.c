/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The profile likelihood of the limit itself gives its confidence bound: the limit replaces
 * the scale as a parameter, and for each limit the best shape is searched. The bound is the
 * largest limit whose likelihood is not too far below the best one.
 */
#include "tail.h"

#include <math.h>
#include <stdbool.h>

/*
 * Twice the fall of the log-likelihood at the bound: the quantile 0.99 of chi-square with
 * one degree of freedom, so one-sided 99.5 %. It is above the 95 % that are promised,
 * because the choice of the threshold is not in it.
 */
#define BOUND_FALL 6.63
/* The normal quantile of the test: a fit is refused at p < 0.1. */
#define TEST_QUANTILE 1.28
/* The same of the test of the longest streaks, and the fewest of these. */
#define HEAVIER_QUANTILE 1.65
#define HEAVIER_MIN 3
/* Fewer expected streaks in a cell make the test inexact. */
#define CELL_MIN 5.0
#define SHAPE_MIN (-1.5)
#define SHAPE_MAX 1.5
/* log of the largest ratio of the limit and the longest streak, above the threshold. */
#define LOG_RATIO_MAX 14.0
#define SEARCH_STEPS 14
/* The smallest part of the streaks that is tried as a tail; a power of two. */
#define PARTS_MAX (1ULL << 40)
#define GOLDEN 0.6180339887498949

/* The bins above a threshold, and the chance to exceed it that is left at the limit. */
struct sample {
	const struct streak_bin *bins;
	size_t count;
	double threshold;
	double exceedances;
	double log_ratio; /* log of the chance to exceed the threshold over `risk` */
};

/* The chance that an exceedance is above x. */
static double survival(double shape, double scale, double x)
{
	double y = shape * x / scale;

	if (y <= -1)
		return 0;
	return fabs(shape) < 1e-6 ? exp(-x / scale) : exp(-log1p(y) / shape);
}

static double log_likelihood(const struct sample *sample, double shape, double scale)
{
	double from = 0, at = 1, lower, upper, next, sum = 0;
	size_t i;

	for (i = 0; i < sample->count; i++) {
		lower = (double)sample->bins[i].lower - sample->threshold;
		upper = (double)streak_bin_upper(sample->bins[i].lower) - sample->threshold;
		if (lower > from)
			at = survival(shape, scale, lower);
		next = survival(shape, scale, upper);
		if (!(at > next))
			return -INFINITY;
		sum += (double)sample->bins[i].count * log(at - next);
		at = next;
		from = upper;
	}
	return sum;
}

static double scale_of(const struct sample *sample, double shape, double excess)
{
	double power = shape * sample->log_ratio;

	return fabs(shape) < 1e-6 ? excess / sample->log_ratio : shape * excess / expm1(power);
}

struct profile {
	const struct sample *sample;
	double shape_min;
	double excess; /* the limit less the threshold */
	double shape;  /* the best one for it */
};

/* Finds the maximum of a function that has one, by golden section. Returns its value. */
static double maximize(double (*function)(struct profile *profile, double at),
		       struct profile *profile, double low, double high, double *ret_at)
{
	double a = high - GOLDEN * (high - low), b = low + GOLDEN * (high - low);
	double at_a = function(profile, a), at_b = function(profile, b);
	int i;

	for (i = 0; i < SEARCH_STEPS; i++) {
		/* At the left, both may be -inf: the longest streak permits no such value. */
		if (at_a > at_b) {
			high = b;
			b = a;
			at_b = at_a;
			a = high - GOLDEN * (high - low);
			at_a = function(profile, a);
		} else {
			low = a;
			a = b;
			at_a = at_b;
			b = low + GOLDEN * (high - low);
			at_b = function(profile, b);
		}
	}
	*ret_at = (low + high) / 2;
	return function(profile, *ret_at);
}

static double at_shape(struct profile *profile, double shape)
{
	return log_likelihood(profile->sample, shape,
			      scale_of(profile->sample, shape, profile->excess));
}

/* The highest log-likelihood of all shapes with this limit. */
static double at_limit(struct profile *profile, double log_excess)
{
	profile->excess = exp(log_excess);
	return maximize(at_shape, profile, profile->shape_min, SHAPE_MAX, &profile->shape);
}

/* Finds the fit with the highest likelihood, and its limit. Returns this likelihood. */
static double best_fit(struct profile *profile, double low, double high, double *ret_log_excess,
		       struct tail *ret_tail)
{
	const struct sample *sample = profile->sample;
	double best = maximize(at_limit, profile, low, high, ret_log_excess);

	*ret_tail = (struct tail){ .threshold = sample->threshold,
				   .exceedances = sample->exceedances,
				   .shape = profile->shape,
				   .scale = scale_of(sample, profile->shape, profile->excess) };
	return best;
}

/* The normal quantile of a chi-square sum, by the approximation of Wilson and Hilferty. */
static double normal_of(double sum, double freedom)
{
	double variance = 2 / (9 * freedom);

	return (cbrt(sum / freedom) - (1 - variance)) / sqrt(variance);
}

/*
 * Whether the longest streaks are longer than the fit has them. In the chi-square test they
 * are one cell, so it does not see a few that are of another kind. By the fit, the logarithm
 * of the survival of each is exponential.
 */
static bool is_heavier(const struct sample *sample, const struct tail *tail)
{
	double count = 0, sum = 0, at, above;
	size_t i;

	for (i = sample->count; i-- > 0;) {
		above = survival(tail->shape, tail->scale,
				 (double)streak_bin_upper(sample->bins[i].lower) -
					 sample->threshold);
		at = survival(tail->shape, tail->scale,
			      (double)sample->bins[i].lower - sample->threshold);
		sum -= (double)sample->bins[i].count * log((at + above) / 2);
		count += (double)sample->bins[i].count;
		if (count >= HEAVIER_MIN &&
		    !(normal_of(2 * (sum + count * log(at)), 2 * count) <= HEAVIER_QUANTILE))
			return true;
	}
	return false;
}

/* The chi-square test. */
static enum tail_result test(const struct sample *sample, const struct tail *tail)
{
	double observed = 0, expected, from = 1, to, rest = sample->exceedances, sum = 0;
	double freedom = -3, edge;
	size_t i;

	for (i = 0; i < sample->count; i++) {
		observed += (double)sample->bins[i].count;
		edge = i + 1 < sample->count ? (double)sample->bins[i + 1].lower : INFINITY;
		to = survival(tail->shape, tail->scale, edge - sample->threshold);
		expected = (from - to) * sample->exceedances;
		/* The last cell takes what is left, so that it is not too small. */
		if (edge < INFINITY && (expected < CELL_MIN || rest - expected < CELL_MIN))
			continue;
		sum += (observed - expected) * (observed - expected) / expected;
		freedom++;
		rest -= expected;
		observed = 0;
		from = to;
	}
	if (freedom < 1)
		return TAIL_TOO_NARROW;
	/* A fit that is no number passes neither. */
	return normal_of(sum, freedom) <= TEST_QUANTILE && !is_heavier(sample, tail)
		       ? TAIL_FITS
		       : TAIL_FITS_NOT;
}

static enum tail_result fit(const struct sample *sample, struct tail *ret_tail)
{
	double longest = (double)sample->bins[sample->count - 1].lower - sample->threshold;
	double least = log(longest) - 1, high = log(longest) + LOG_RATIO_MAX, low, middle, best;
	struct profile profile = { .sample = sample, .shape_min = SHAPE_MIN };
	enum tail_result result;
	int i;

	if (sample->count < 3)
		return TAIL_TOO_NARROW;
	best = best_fit(&profile, least, high, &low, ret_tail);
	result = test(sample, ret_tail);
	if (result != TAIL_FITS)
		return result;
	/* The end of a bounded tail is not known from its middle: take an exponential one. */
	if (ret_tail->shape < 0) {
		profile.shape_min = 0;
		best = best_fit(&profile, least, high, &low, ret_tail);
	}
	if (at_limit(&profile, high) > best - BOUND_FALL / 2)
		return TAIL_TOO_HEAVY;
	for (i = 0; i < SEARCH_STEPS; i++) {
		middle = (low + high) / 2;
		if (at_limit(&profile, middle) > best - BOUND_FALL / 2)
			low = middle;
		else
			high = middle;
	}
	ret_tail->limit = sample->threshold + exp(high);
	return profile.shape > SHAPE_MAX - 0.05 ? TAIL_TOO_HEAVY : TAIL_FITS;
}

enum tail_result tail_fit(const struct streak_bin *bins, size_t count, double risk,
			  struct tail *ret_tail)
{
	double streaks = 0, exceedances;
	enum tail_result result = TAIL_TOO_FEW, last;
	struct sample sample;
	struct tail tail;
	maze_u64 part;
	size_t i, from;

	for (i = 0; i < count; i++)
		streaks += (double)bins[i].count;
	for (part = 2; part <= PARTS_MAX && streaks / (double)part >= TAIL_EXCEEDANCES_MIN;
	     part *= 2) {
		exceedances = 0;
		for (from = count; from > 0 && exceedances < streaks / (double)part; from--)
			exceedances += (double)bins[from - 1].count;
		sample = (struct sample){ .bins = bins + from,
					  .count = count - from,
					  .threshold = (double)bins[from].lower,
					  .exceedances = exceedances,
					  .log_ratio = log(exceedances / streaks / risk) };
		last = fit(&sample, &tail);
		if (last == TAIL_FITS) {
			*ret_tail = tail;
			return TAIL_FITS;
		}
		if (result == TAIL_TOO_FEW || last != TAIL_TOO_NARROW)
			result = last;
	}
	return result;
}

double tail_chance(const struct tail *tail, double streaks, double ns)
{
	return tail->exceedances / streaks *
	       survival(tail->shape, tail->scale, ns - tail->threshold);
}
