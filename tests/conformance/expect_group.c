/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Derives the allowed verdicts of a group from the account that its program keeps of its
 * CPU time (group_account.h).
 *
 * No verdict has a level above the highest one that the account allows. A stage whose
 * limit the level has certainly reached several times over has a verdict: an engine may
 * come late, and counts less while it cannot read a clock exactly.
 */
#include "conformance.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The level at which a verdict must have come, as a multiple of its limit. */
#define CERTAIN 3

static char sentence[256];

/* A level is an integer, and the share is given in percent. */
static const char *judge_tally(const struct terms *terms, const struct record *verdict)
{
	double most_ns = (double)verdict->used_ns -
			 (double)verdict->elapsed_ns * (double)terms->share / GROUP_SHARE_ONE;

	if (strcmp(verdict->scope, terms->scope))
		return "a verdict has another scope";
	if ((double)verdict->count_ns > most_ns + 1)
		return "the level is above the used time without the share of the time";
	return NULL;
}

static const char *judge(const struct terms *terms, enum group_part part,
			 const struct record *verdict)
{
	const struct group_account *group = group_account();
	const char *wrong = judge_tally(terms, verdict);
	long long most_ns;

	/* The program was killed, or went on after its account had ended. */
	if (wrong || !group->ended_at || verdict->time >= group->ended_at)
		return wrong;
	most_ns = group_level_most(group, part, terms->share, 0, 0,
				   group->points[group->used - 1].begin_ns);
	if (verdict->count_ns <= most_ns)
		return NULL;
	snprintf(sentence, sizeof(sentence), "EARLY: level %lld, by the account at most %lld",
		 verdict->count_ns, most_ns);
	return sentence;
}

static const char *judge_stage(const struct terms *terms, enum group_part part,
			       const struct outcome *outcome, const char *event, long long limit_ns)
{
	const struct group_account *group = group_account();

	if (!limit_ns || count_events(outcome, event) ||
	    group_reached(group, part, terms->share, group->points[0].begin_ns, 0,
			  CERTAIN * limit_ns) == LLONG_MAX)
		return NULL;
	snprintf(sentence, sizeof(sentence),
		 "no %s verdict, although the level reached %d times the limit", event, CERTAIN);
	return sentence;
}

const char *expect_group(const struct terms *terms, const struct outcome *outcome)
{
	enum group_part part = strcmp(terms->scope, "process") ? GROUP_TREE : GROUP_PROCESS;
	const struct record *record = outcome->records;
	const char *wrong = NULL;
	size_t i;

	/* A pause of the machine can end it before it begins its account. */
	if (!group_account()->used)
		return outcome->status < 128 ? "the program has kept no account of its group"
					     : NULL;
	if (group_account()->used == GROUP_POINTS)
		return "the account of the group has no room";
	for (i = 0; !wrong && i < outcome->count; i++, record++)
		if (is_verdict(record))
			wrong = judge(terms, part, record);
	if (!wrong)
		wrong = judge_stage(terms, part, outcome, "soft", terms->soft.limit_ns);
	if (!wrong)
		wrong = judge_stage(terms, part, outcome, "hard", terms->hard.limit_ns);
	return wrong;
}
