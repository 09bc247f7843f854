/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Order statistics; see bench.h. It uses medians, because on a shared machine other load
 * dominates the mean, and pairs, because disturbances longer than a round then cancel
 * out.
 */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Enough for bounds that are stable in their second digit. */
#define RESAMPLES 400

double *bench_values(size_t n)
{
	double *values = calloc(n ? n : 1, sizeof(*values));

	if (!values)
		bench_die("memory");
	return values;
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

double bench_quantile(double *values, size_t n, double q)
{
	size_t index;

	if (!n)
		return NAN;
	qsort(values, n, sizeof(*values), ascending);
	index = (size_t)(q * (double)(n - 1) + 0.5);
	return values[index];
}

static double middle(const double *sorted, size_t n)
{
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

struct estimate bench_median(const double *values, size_t n)
{
	struct estimate estimate = { NAN, NAN, NAN };
	double *sorted, reach;
	size_t low = 0;

	if (!n)
		return estimate;
	sorted = bench_values(n);
	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), ascending);
	/* 1.96 standard deviations of a binomial with p = 1/2. */
	reach = 0.98 * sqrt((double)n);
	if ((double)n / 2 - reach > 1)
		low = (size_t)((double)n / 2 - reach);
	estimate.value = middle(sorted, n);
	estimate.low = sorted[low];
	estimate.high = sorted[n - 1 - low];
	free(sorted);
	return estimate;
}

struct estimate bench_median_difference(const double *values, const double *bases, size_t n)
{
	double *differences = bench_values(n);
	struct estimate estimate;
	size_t i;

	for (i = 0; i < n; i++)
		differences[i] = values[i] - bases[i];
	estimate = bench_median(differences, n);
	free(differences);
	return estimate;
}

static unsigned int next_random(unsigned int *state)
{
	/*
	 * The constants of Numerical Recipes' quick generator; its upper bits are random
	 * enough.
	 */
	*state = *state * 1664525U + 1013904223U;
	return *state >> 8;
}

void bench_shuffle(int *order, int n, unsigned int round)
{
	unsigned int state = round * 2654435761U + 1;
	int i, j, held;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n - 1; i > 0; i--) {
		j = (int)(next_random(&state) % (unsigned int)(i + 1));
		held = order[i];
		order[i] = order[j];
		order[j] = held;
	}
}

struct estimate bench_ratio(const double *above, const double *below, size_t n)
{
	double *a = bench_values(n), *b = bench_values(n), *ratios = bench_values(RESAMPLES);
	unsigned int random = 1;
	struct estimate estimate;
	size_t i, k, pick;

	for (k = 0; k < RESAMPLES; k++) {
		for (i = 0; i < n; i++) {
			pick = next_random(&random) % n;
			a[i] = above[pick];
			b[i] = below[pick];
		}
		ratios[k] = bench_quantile(a, n, 0.5) / bench_quantile(b, n, 0.5);
	}
	estimate.value = bench_median(above, n).value / bench_median(below, n).value;
	estimate.low = bench_quantile(ratios, RESAMPLES, 0.025);
	estimate.high = bench_quantile(ratios, RESAMPLES, 0.975);
	free(a);
	free(b);
	free(ratios);
	return estimate;
}
