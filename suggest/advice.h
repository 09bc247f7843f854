/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What to write into a rule for a program, from the streaks that it had.
 *
 * The limits are above the longest honest streak by a margin. `risk` is the number of
 * false verdicts that a rule may have in a month on a machine like the one that was
 * observed. With n streaks in the time T, a month has n * month / T of them, so a streak may
 * reach the limit with the chance q = risk / (n * month / T). Two models say where that is:
 *
 * - The rule of three: if none of n streaks is longer than the longest one, then the chance
 *   to be longer is below 3/n, with 95 % confidence. It needs no assumption on the lengths,
 *   and suffices if q >= 3/n, which is risk >= 3 * month / T, whatever n is.
 * - Else a fit of the tail (tail.h), if its test allows it.
 *
 * Both take for granted that the streaks to come are like those that were seen. But many a
 * program has its longest streak once in the life of a process: when it starts, or when it
 * compiles its hot code. So few processes say little about the next one, however many streaks
 * they had. If the longest streak of a process is above x with a chance in proportion to 1/x,
 * a heavier tail than programs have, then that of the next process is above r times the
 * longest of n processes with the chance 1/((n + 1) r). The margin keeps that below 5 %.
 */
#ifndef MAZE_SUGGEST_ADVICE_H
#define MAZE_SUGGEST_ADVICE_H

#include <stdbool.h>

#include "../observe/streaks_file.h"
#include "tail.h"

/* The margin for many processes, and 1/0.05 for the margin for few, as above. */
#define ADVICE_MARGIN 2
#define ADVICE_MARGIN_OF_NONE 20
/* The fewest streaks of any limit. */
#define ADVICE_STREAKS_MIN 30
/* The rule of three permits as many after a second. */
#define ADVICE_RISK_MAX 1e7
#define MONTH_SECONDS (30.44 * 86400)

struct advice_settings {
	double risk; /* false verdicts of a rule in a month */
	double min_days;
	double min_processes;
};

enum advice_kind {
	ADVICE_LIMITS,
	ADVICE_IGNORE, /* the program is never asleep, by design */
	ADVICE_RARE,   /* no limit that keeps the risk is known */
};

enum advice_model {
	ADVICE_RULE_OF_THREE,
	ADVICE_TAIL,
};

struct advice {
	const struct streak_class *class;
	enum advice_kind kind;
	enum advice_model model; /* of the limits */
	enum tail_result result; /* why there is no limit, unless `streaks` are too few */
	struct tail tail;
	double streaks;		       /* that the limits are learnt from */
	double longest_ns;	       /* of these */
	double margin;		       /* of the limits above longest_ns, at least */
	double soft, hard;	       /* in s; with ADVICE_RARE, by the rule of three; 0: none */
	double soft_of_three;	       /* in s, by the rule of three */
	double expected_max;	       /* false verdicts in a month, with 95 % confidence */
	double expected;	       /* the same, by the best fit; below 0: unknown */
	double at_half, at_99_percent; /* ns, of all streaks */
	/* Streaks that are not learnt, because they are far above the rest. */
	bool longest_is_suspicious, running_is_suspicious;
	bool has_awake_thread; /* its streaks are learnt, but may be those of a loop */
};

/* -ENODATA if the file has seen too little for any advice; the error has what is missing. */
int advice_check(const struct streaks_file *file, const struct advice_settings *settings,
		 struct maze_error *error);
void advice_make(const struct streak_class *class, double seconds,
		 const struct advice_settings *settings, struct advice *ret_advice);
/* The false verdicts in a month that the rule of three permits after this time. */
double rule_of_three(double seconds);

#endif
