/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of an outcome.
 */
#include "conformance.h"

#include <string.h>

static char sentence[256];

int count_events(const struct outcome *outcome, const char *event)
{
	int n = 0;
	size_t i;

	for (i = 0; i < outcome->count; i++)
		n += !strcmp(outcome->records[i].event, event);
	return n;
}

const struct record *find_event(const struct outcome *outcome, const char *event)
{
	size_t i;

	for (i = 0; i < outcome->count; i++)
		if (!strcmp(outcome->records[i].event, event))
			return &outcome->records[i];
	return NULL;
}

bool is_verdict(const struct record *record)
{
	return !strcmp(record->event, "soft") || !strcmp(record->event, "hard");
}

static bool same_episode(const struct record *a, const struct record *b)
{
	return a->tid == b->tid && a->episode == b->episode;
}

/* Checks of a verdict against the ones before it, in every scenario. */
static const char *judge(const struct outcome *outcome, size_t index)
{
	const struct record *verdict = &outcome->records[index], *before;
	size_t i;

	if (verdict->limit_ns <= 0 || verdict->count_ns < verdict->limit_ns) {
		snprintf(sentence, sizeof(sentence), "EARLY: %s of %s with count %lld, limit %lld",
			 verdict->event, verdict->comm, verdict->count_ns, verdict->limit_ns);
		return sentence;
	}
	for (i = 0; i < index; i++) {
		before = &outcome->records[i];
		if (!is_verdict(before) || !same_episode(before, verdict))
			continue;
		if (!strcmp(before->event, verdict->event))
			return "one stage twice in one episode";
		if (!strcmp(before->event, "hard"))
			return "soft after hard in one episode";
	}
	return NULL;
}

const char *expect_always(const struct outcome *outcome)
{
	const char *wrong;
	size_t i;

	for (i = 0; i < outcome->count; i++) {
		wrong = is_verdict(&outcome->records[i]) ? judge(outcome, i) : NULL;
		if (wrong)
			return wrong;
	}
	return NULL;
}

static const char *expect_number(const struct outcome *outcome, const char *event, int wanted)
{
	int have = count_events(outcome, event);

	if (wanted == ANY || have == wanted || (wanted == SOME && have > 0))
		return NULL;
	snprintf(sentence, sizeof(sentence), "%d %s verdicts, where %s%d are right", have, event,
		 wanted == SOME ? "at least " : "", wanted == SOME ? 1 : wanted);
	return sentence;
}

/*
 * A program whose number of hard verdicts is open is killed by each that is sent to it. A
 * pause of the machine can cause such a verdict. If a soft signal ends it too, both were
 * due in one look, and either signal can be the first.
 */
static bool is_right_status(const struct scenario *scenario, const struct outcome *outcome,
			    int *ret_right)
{
	const struct record *record = outcome->records, *watch = find_event(outcome, "watch");
	bool open = scenario->hards == BY_ACCOUNT || scenario->hards == SOME, by_soft = false;
	size_t i;

	*ret_right = scenario->exit_status;
	for (i = 0; open && i < outcome->count; i++, record++) {
		if (!record->sent || !watch || record->pid != watch->pid)
			continue;
		if (!strcmp(record->event, "soft"))
			by_soft |= record->fatal;
		else if (!strcmp(record->event, "hard") && !strcmp(record->signal, "SIGKILL"))
			*ret_right = 137;
	}
	return outcome->status == *ret_right ||
	       (by_soft && outcome->status == scenario->exit_status);
}

const char *expect(const struct suite *suite, const struct scenario *scenario,
		   const struct outcome *outcome)
{
	struct terms terms = terms_of(scenario, suite->slow);
	const char *wrong = expect_always(outcome);
	int right;

	if (!wrong)
		wrong = expect_policy(suite, scenario, outcome);
	if (!wrong)
		wrong = terms.scope[0] ? expect_group(&terms, outcome)
				       : expect_account(suite, &terms, outcome);
	if (!wrong)
		wrong = expect_number(outcome, "soft", scenario->softs);
	if (!wrong)
		wrong = expect_number(outcome, "hard", scenario->hards);
	if (!wrong && !is_right_status(scenario, outcome, &right)) {
		snprintf(sentence, sizeof(sentence), "it ended with %d, where %d is right",
			 outcome->status, right);
		wrong = sentence;
	}
	if (!wrong && scenario->check)
		wrong = scenario->check(suite, outcome);
	return wrong;
}
