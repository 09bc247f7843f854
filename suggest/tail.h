/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How rare a streak is that is longer than all that were seen. Of the streaks above a
 * threshold, a generalized Pareto distribution describes by how much they exceed it: for
 * nearly every distribution, if the threshold is high enough (theorem of Pickands, Balkema
 * and de Haan). The fit is by maximum likelihood of counts in bins, because that is what was
 * kept. A test of chi-square decides whether it is used at all.
 */
#ifndef MAZE_SUGGEST_TAIL_H
#define MAZE_SUGGEST_TAIL_H

#include <stddef.h>

#include "../observe/streak_bins.h"

struct tail {
	double threshold; /* ns */
	double exceedances;
	double shape; /* 0: exponential; above: heavier; below: bounded */
	double scale; /* ns */
	double limit; /* ns; upper confidence bound */
};

enum tail_result {
	TAIL_FITS,
	TAIL_TOO_FEW,	 /* streaks */
	TAIL_TOO_NARROW, /* too few bins for the test */
	TAIL_FITS_NOT,	 /* the test rejects each threshold */
	TAIL_TOO_HEAVY,	 /* it fits, but limits no quantile */
};

/* The fewest exceedances that a fit takes. */
#define TAIL_EXCEEDANCES_MIN 60

/*
 * Finds the limit that a streak exceeds with at most the chance `risk`. That holds with the
 * confidence that tail.c states. The bins are sorted.
 */
enum tail_result tail_fit(const struct streak_bin *bins, size_t count, double risk,
			  struct tail *ret_tail);
/* The chance that a streak reaches `ns`, by the best fit. */
double tail_chance(const struct tail *tail, double streaks, double ns);

#endif
