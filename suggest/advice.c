/* SPDX-License-Identifier: GPL-2.0-only */
#include "advice.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../base/error.h"

#define DAY_SECONDS 86400.0
#define NS 1e9
/* Of each day of the week, as much must be seen. */
#define WEEKDAY_SECONDS_MIN (DAY_SECONDS / 2)

/*
 * A gap of two octaves to the next shorter streak, and at most as many streaks above it. A
 * streak below the shortest limit is no loop that a limit would find.
 */
#define GAP 4
#define OUTLIERS_MAX 3

/*
 * A program is never asleep if at least half of its CPU time was in streaks that reach the
 * shipped soft limit, of at least as many processes, and not half of that in one streak.
 */
#define AWAKE_NS (10 * NS)
#define AWAKE_PROCESSES_MIN 5

/* Limits that are easy to read, in s. A shorter limit finds a runaway thread no better. */
static const double steps[] = { 1,   2,	   5,	 10,   20,   30,    60,	   120,	 300,
				600, 1200, 1800, 3600, 7200, 18000, 43200, 86400 };
#define STEPS (sizeof(steps) / sizeof(steps[0]))

double rule_of_three(double seconds)
{
	return 3 * MONTH_SECONDS / seconds;
}

static void add_missing(char *text, size_t size, const char *format, double seen, double wanted)
{
	size_t length = strlen(text);

	length += (size_t)snprintf(text + length, size - length, "%s", length ? ", and " : "");
	snprintf(text + length, size - length, format, seen, wanted);
}

int advice_check(const struct streaks_file *file, const struct advice_settings *settings,
		 struct maze_error *error)
{
	double days = file->seconds / DAY_SECONDS;
	char missing[160] = "";
	int i, weekdays = 0;

	for (i = 0; i < 7; i++)
		weekdays += file->weekday_seconds[i] >= WEEKDAY_SECONDS_MIN;
	if (days < settings->min_days)
		add_missing(missing, sizeof(missing), "%.1f of %g days", days, settings->min_days);
	if (settings->min_days >= 7 && weekdays < 7)
		add_missing(missing, sizeof(missing), "%g of %g days of the week", weekdays, 7);
	if (file->processes < settings->min_processes)
		add_missing(missing, sizeof(missing), "%.0f of %.0f processes", file->processes,
			    settings->min_processes);
	if (file->seconds <= 0 && !missing[0])
		add_missing(missing, sizeof(missing), "no time", 0, 0);
	if (!missing[0])
		return 0;
	return maze_fail(error, -ENODATA,
			 "too little was observed: %s; observe for longer, or lower --min-days "
			 "or --min-processes",
			 missing);
}

/* The first limit of at least `seconds`; 0: it would be above a day. */
static double step_above(double seconds)
{
	size_t i;

	for (i = 0; i < STEPS; i++)
		if (steps[i] >= seconds)
			return steps[i];
	return 0;
}

static bool set_limits(struct advice *advice, double ns)
{
	advice->soft = step_above(fmax(ns, advice->margin * advice->longest_ns) / NS);
	advice->hard = advice->soft ? step_above(2 * advice->soft) : 0;
	return advice->hard > 0;
}

/* Learns limits from the first `count` bins. */
static void learn(struct advice *advice, size_t count, double seconds,
		  const struct advice_settings *settings)
{
	const struct streak_class *class = advice->class;
	double monthly;
	size_t i;

	advice->kind = ADVICE_RARE;
	advice->result = TAIL_TOO_FEW;
	advice->expected = -1;
	advice->streaks = advice->longest_ns = advice->soft = advice->hard = 0;
	for (i = 0; i < count; i++)
		advice->streaks += (double)class->bins[i].count;
	if (count == class->bins_count && class->longest.ns)
		advice->longest_ns = (double)class->longest.ns;
	else if (count)
		advice->longest_ns = (double)streak_bin_upper(class->bins[count - 1].lower);
	if (advice->streaks < ADVICE_STREAKS_MIN)
		return;
	advice->model = ADVICE_RULE_OF_THREE;
	advice->soft_of_three = step_above(advice->margin * advice->longest_ns / NS);
	advice->expected_max = rule_of_three(seconds);
	if (settings->risk >= advice->expected_max) {
		advice->kind = set_limits(advice, 0) ? ADVICE_LIMITS : ADVICE_RARE;
		advice->result = TAIL_TOO_HEAVY;
		return;
	}
	monthly = advice->streaks * MONTH_SECONDS / seconds;
	advice->result = tail_fit(class->bins, count, settings->risk / monthly, &advice->tail);
	if (advice->result == TAIL_FITS && set_limits(advice, advice->tail.limit)) {
		advice->kind = ADVICE_LIMITS;
		advice->model = ADVICE_TAIL;
		advice->expected_max = settings->risk;
		advice->expected =
			monthly * tail_chance(&advice->tail, advice->streaks, advice->soft * NS);
		return;
	}
	if (advice->result == TAIL_FITS)
		advice->result = TAIL_TOO_HEAVY;
	set_limits(advice, 0);
}

/* The number of bins without the few streaks that are far above all others. */
static size_t without_outliers(const struct streak_class *class)
{
	maze_u64 above = 0;
	size_t i;

	for (i = class->bins_count; i-- > 1;) {
		above += class->bins[i].count;
		if (above > OUTLIERS_MAX || (double)class->bins[i].lower < steps[0] * NS)
			break;
		if (class->bins[i].lower / GAP >= streak_bin_upper(class->bins[i - 1].lower))
			return i;
	}
	return class->bins_count;
}

/*
 * Streaks far above the rest may be of a loop, or of an honest tail. If the tail without
 * them has them below the limit, they are honest and are learnt.
 */
static void learn_honest(struct advice *advice, double seconds,
			 const struct advice_settings *settings)
{
	const struct streak_class *class = advice->class;
	size_t honest = without_outliers(class);

	learn(advice, honest, seconds, settings);
	if (honest == class->bins_count)
		return;
	advice->longest_is_suspicious = advice->kind != ADVICE_LIMITS ||
					(double)class->bins[honest].lower >= advice->soft * NS;
	if (!advice->longest_is_suspicious)
		learn(advice, class->bins_count, seconds, settings);
}

static bool is_never_asleep(const struct streak_class *class)
{
	double awake = (double)class->running.ns, largest;
	size_t i;

	if (awake < AWAKE_NS)
		awake = 0;
	for (i = 0; i < class->bins_count; i++)
		if ((double)class->bins[i].lower >= AWAKE_NS)
			awake += (double)class->bins[i].lower * (double)class->bins[i].count;
	largest = fmax((double)class->longest.ns, (double)class->running.ns);
	return class->processes >= AWAKE_PROCESSES_MIN && awake > 0 && awake >= class->cpu_ns / 2 &&
	       largest <= awake / 2;
}

/* The upper bound of the bin that has this share of the streaks below its end. */
static double quantile(const struct streak_class *class, double share)
{
	double below = 0;
	size_t i;

	for (i = 0; i < class->bins_count; i++) {
		below += (double)class->bins[i].count;
		if (below >= share * class->streaks)
			return (double)streak_bin_upper(class->bins[i].lower);
	}
	return 0;
}

void advice_make(const struct streak_class *class, double seconds,
		 const struct advice_settings *settings, struct advice *ret_advice)
{
	double suspicious;

	*ret_advice = (struct advice){ .class = class };
	/* A process is not counted before its main thread has slept. */
	ret_advice->margin =
		fmax(ADVICE_MARGIN, ADVICE_MARGIN_OF_NONE / (fmax(class->processes, 1) + 1));
	ret_advice->at_half = quantile(class, 0.5);
	ret_advice->at_99_percent = quantile(class, 0.99);
	learn_honest(ret_advice, seconds, settings);
	if (is_never_asleep(class)) {
		ret_advice->kind = ADVICE_IGNORE;
		ret_advice->longest_is_suspicious = false;
		return;
	}
	/* If there is no limit, one that is longer than all others. */
	suspicious = ret_advice->kind == ADVICE_LIMITS
			     ? ret_advice->soft * NS
			     : fmax(ret_advice->longest_ns, steps[0] * NS);
	ret_advice->running_is_suspicious = (double)class->running.ns >= suspicious;
	ret_advice->has_awake_thread = class->awake.ns && !ret_advice->running_is_suspicious;
}
