/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits from streaks whose distribution is known: of 100 samples, the stated risk must hold
 * for at least 95 of the limits that tail_fit() gives, without the margin that advice.c adds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"
#include "suggest/tail.h"

#define MS 1e6
#define RUNS 100
#define STREAKS 4000
/* 0.01 false verdicts in a month, after a fortnight. */
#define RISK (0.01 / (STREAKS * 30.44 / 14))

/*
 * Exponential (shape 0), Pareto or bounded. The part `rare` of the streaks is of a second kind.
 * With `three`, a streak is the sum of three that are exponential.
 */
struct distribution {
	const char *name;
	double shape, scale;
	double rare, rare_shape, rare_scale;
	bool three;
};

static double uniform(void)
{
	return ((double)roll(1ULL << 53) + 0.5) / (double)(1ULL << 53);
}

static double draw_from(double shape, double scale)
{
	double u = uniform();

	return shape == 0 ? -scale * log(u) : scale / shape * (pow(u, -shape) - 1);
}

static double survival_of(double shape, double scale, double x)
{
	if (shape == 0)
		return exp(-x / scale);
	return shape * x <= -scale ? 0 : pow(1 + shape * x / scale, -1 / shape);
}

static double draw(const struct distribution *of)
{
	if (of->three)
		return draw_from(0, of->scale) + draw_from(0, of->scale) + draw_from(0, of->scale);
	return uniform() < of->rare ? draw_from(of->rare_shape, of->rare_scale)
				    : draw_from(of->shape, of->scale);
}

static double survival(const struct distribution *of, double x)
{
	double y = x / of->scale;

	if (of->three)
		return exp(-y) * (1 + y + y * y / 2);
	return of->rare * survival_of(of->rare_shape, of->rare_scale, x) +
	       (1 - of->rare) * survival_of(of->shape, of->scale, x);
}

/* The limit that a streak reaches with exactly the chance RISK. */
static double ideal(const struct distribution *of)
{
	double low = 1, high = 1e18, middle;
	int i;

	for (i = 0; i < 200; i++) {
		middle = sqrt(low * high);
		if (survival(of, middle) <= RISK)
			high = middle;
		else
			low = middle;
	}
	return high;
}

static int compare(const void *a, const void *b)
{
	const struct streak_bin *left = a, *right = b;

	return (left->lower > right->lower) - (left->lower < right->lower);
}

static maze_u64 lower_of(maze_u64 ns)
{
	maze_u64 width;

	if (ns < STREAK_BIN_FIRST)
		return 0;
	width = 1ULL << (60 - __builtin_clzll(ns));
	return ns / width * width;
}

/* Draws a sample into bins, and returns their number. */
static size_t sample(const struct distribution *of, struct streak_bin *bins)
{
	size_t i, n = 0;

	for (i = 0; i < STREAKS; i++)
		bins[i] = (struct streak_bin){ lower_of((maze_u64)draw(of)), 1 };
	qsort(bins, STREAKS, sizeof(*bins), compare);
	for (i = 1; i < STREAKS; i++) {
		if (bins[i].lower == bins[n].lower)
			bins[n].count++;
		else
			bins[++n] = bins[i];
	}
	return n + 1;
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Returns the number of samples that have a limit, and of those whose limit is too low. */
static int fits(const struct distribution *of, int *ret_wrong)
{
	static struct streak_bin bins[STREAKS];
	double ratios[RUNS], best = ideal(of);
	struct tail tail;
	int i, n = 0;

	*ret_wrong = 0;
	for (i = 0; i < RUNS; i++) {
		if (tail_fit(bins, sample(of, bins), RISK, &tail) != TAIL_FITS)
			continue;
		*ret_wrong += survival(of, tail.limit) > RISK;
		ratios[n++] = tail.limit / best;
	}
	qsort(ratios, (size_t)n, sizeof(*ratios), compare_doubles);
	if (n)
		print_message("# %s: %d limits, %d too low, %.2f, %.2f and %.2f of the ideal\n",
			      of->name, n, *ret_wrong, ratios[n / 10], ratios[n / 2],
			      ratios[n * 9 / 10]);
	return n;
}

static int seed(void **state)
{
	(void)state;
	random_state = 20261128;
	return 0;
}

static void the_stated_risk_holds(void **state)
{
	static const struct distribution distributions[] = {
		{ "exponential", 0, 10 * MS, 0, 0, 1, false },
		{ "Pareto 0.2", 0.2, 10 * MS, 0, 0, 1, false },
		{ "Pareto 0.35", 0.35, 10 * MS, 0, 0, 1, false },
		{ "Pareto 0.5", 0.5, 10 * MS, 0, 0, 1, false },
		{ "uniform", -1, 100 * MS, 0, 0, 1, false },
		{ "bounded", -0.5, 100 * MS, 0, 0, 1, false },
		{ "exponential with a tenth ten times as long", 0, 10 * MS, 0.1, 0, 100 * MS,
		  false },
		{ "exponential with a tenth of Pareto 0.3", 0, 10 * MS, 0.1, 0.3, 100 * MS, false },
		{ "sum of three exponentials", 0, 10 * MS, 0, 0, 1, true },
	};
	int n, wrong;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(distributions) / sizeof(distributions[0]); i++) {
		n = fits(&distributions[i], &wrong);
		if (n < RUNS * 3 / 4 || wrong * 20 > n)
			fail_msg("%s: %d limits, %d too low", distributions[i].name, n, wrong);
	}
}

/* The chi-square test does not see these, because they are fewer than a cell has. */
static void a_few_streaks_of_another_kind_are_seen(void **state)
{
	static const struct distribution rare = {
		"exponential with 0.3 % ten times as long", 0, 1 * MS, 0.003, 0, 10 * MS, false
	};
	int wrong, n = fits(&rare, &wrong);

	(void)state;
	if (wrong > RUNS / 10)
		fail_msg("%d limits, %d too low", n, wrong);
}

static void bins_without_a_tail_have_no_fit(void **state)
{
	static const struct streak_bin few[] = { { 1024, 20 }, { 1152, 10 }, { 1280, 5 } },
				       narrow[] = { { 1024, 1000 }, { 1152, 1000 } },
				       uneven[] = { { 1024, 900 }, { 1152, 30 }, { 1280, 900 },
						    { 1408, 30 },  { 1536, 30 }, { 1664, 3 },
						    { 1792, 3 } };
	struct tail tail;

	(void)state;
	assert_int_equal(tail_fit(NULL, 0, RISK, &tail), TAIL_TOO_FEW);
	assert_int_equal(tail_fit(few, 3, RISK, &tail), TAIL_TOO_FEW);
	assert_int_equal(tail_fit(narrow, 2, RISK, &tail), TAIL_TOO_NARROW);
	assert_int_equal(tail_fit(uneven, 7, RISK, &tail), TAIL_FITS_NOT);
}

static void bins_are_eight_in_an_octave(void **state)
{
	(void)state;
	assert_int_equal(streak_bin_upper(0), 1152);
	assert_int_equal(streak_bin_upper(1024), 1152);
	assert_int_equal(streak_bin_upper(1920), 2048);
	assert_int_equal(streak_bin_upper(1ULL << 40), (1ULL << 40) + (1ULL << 37));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_stated_risk_holds, seed),
		cmocka_unit_test_setup(a_few_streaks_of_another_kind_are_seen, seed),
		cmocka_unit_test(bins_without_a_tail_have_no_fit),
		cmocka_unit_test(bins_are_eight_in_an_octave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
