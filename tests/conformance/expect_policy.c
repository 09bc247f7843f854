/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of every record against the policy of the scenario: a verdict has the limit and
 * the signal of its stage; a stage that is off gives no verdict; hard follows soft; the
 * signal was sent, unless there is none, the policy is in shadow, or the thread cannot
 * get it; every judged thread was watched; and no record is missing.
 */
#include "conformance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static char sentence[256];

/* The durations of the table: a number, an optional `x`, then s or ms; 0 has no unit. */
static long long duration_ns(const char *text, int slow)
{
	char *unit;
	long long number = strtoll(text, &unit, 10);

	if (*unit == 'x') {
		number *= slow;
		unit++;
	}
	return number * (strcmp(unit, "ms") ? 1000000000LL : 1000000LL);
}

static void signal_of(char *to, size_t size, const char *name)
{
	if (strcmp(name, "0"))
		snprintf(to, size, "SIG%s", name);
	else
		to[0] = '\0';
}

/* Starts from the defaults of maze(1). */
static double recovery_of(const char *text, const struct scenario *scenario)
{
	if (strncmp(text, "lock:", 5) != 0)
		return strtod(text, NULL);
	return strstr(scenario->program, "--lock") ? strtod(text + 5, NULL) : 0;
}

struct terms terms_of(const struct scenario *scenario, int slow)
{
	struct terms terms = { .soft = { 10000000000LL, "SIGXCPU" },
			       .hard = { 20000000000LL, "SIGKILL" },
			       .warns = true };
	char *copy = strdup(scenario->policy), *key, *value, *save = NULL;
	bool kill = false;

	for (key = strtok_r(copy, " ", &save); key; key = strtok_r(NULL, " ", &save)) {
		if (!strcmp(key, "--shadow"))
			terms.shadow = true;
		if (!strcmp(key, "--kill"))
			kill = true;
		if (!strcmp(key, "--shadow") || !strcmp(key, "--no-inherit") ||
		    !strcmp(key, "--kill"))
			continue;
		value = strtok_r(NULL, " ", &save);
		if (!value)
			break;
		if (!strcmp(key, "--soft-signal"))
			terms.warns = false;
		if (!strcmp(key, "--soft"))
			terms.soft.limit_ns = duration_ns(value, slow);
		else if (!strcmp(key, "--hard"))
			terms.hard.limit_ns = duration_ns(value, slow);
		else if (!strcmp(key, "--soft-signal"))
			signal_of(terms.soft.signal, sizeof(terms.soft.signal), value);
		else if (!strcmp(key, "--hard-signal"))
			signal_of(terms.hard.signal, sizeof(terms.hard.signal), value);
		else if (!strcmp(key, "--yield"))
			terms.yields_count = !strcmp(value, "count");
		else if (!strcmp(key, "--recovery"))
			terms.recovery = recovery_of(value, scenario);
		else if (!strcmp(key, "--scope"))
			snprintf(terms.scope, sizeof(terms.scope), "%s", value);
		else if (!strcmp(key, "--share"))
			terms.share = strtol(value, NULL, 10) * GROUP_SHARE_ONE / 100;
	}
	free(copy);
	/* All processes of a tree get SIGKILL or nothing. */
	if (terms.scope[0] && strcmp(terms.scope, "process") != 0) {
		terms.warns = false;
		terms.soft.signal[0] = '\0';
		if (!kill)
			terms.hard.signal[0] = '\0';
	}
	return terms;
}

static const struct record *find_of(const struct outcome *outcome, const char *event,
				    const struct record *who, bool episode)
{
	const struct record *record = outcome->records;
	size_t i;

	for (i = 0; i < outcome->count; i++, record++)
		if (!strcmp(record->event, event) && record->tid == who->tid &&
		    (!episode || record->episode == who->episode))
			return record;
	return NULL;
}

/* Whether the record may state that the thread does not get the signal, for this reason. */
static bool may_miss(const struct terms *terms, const struct record *verdict)
{
	static const char *const reasons[] = { "ignored", "blocked",
					       "first process of its PID namespace" };
	size_t i;

	/* An exiting thread takes no signal. */
	if (!strcmp(verdict->not_sent, "thread was exiting"))
		return true;
	if (!strcmp(verdict->not_sent, "no handler"))
		return terms->warns && !strcmp(verdict->event, "soft");
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(verdict->not_sent, reasons[i]))
			return strcmp(verdict->signal, "SIGKILL");
	return false;
}

/* The count is the used time minus the forgiveness for each sleep, rounded down. */
static const char *judge_tally(const struct terms *terms, const struct record *verdict)
{
	double forgiven_ns = (double)(verdict->used_ns - verdict->count_ns);

	if (forgiven_ns < 0)
		return "the count is above the used time";
	/* The other way round is possible: a sleep can be too short for the clock. */
	if (!verdict->sleeps && verdict->asleep_ns)
		return "the time asleep does not fit the number of sleeps";
	if (!verdict->sleeps && forgiven_ns > 0)
		return "the count is below the used time without a sleep";
	if (terms->recovery &&
	    fabs(forgiven_ns - (double)verdict->asleep_ns * terms->recovery) > verdict->sleeps + 1)
		return "the forgiveness does not match the time asleep";
	return NULL;
}

static const char *judge(const struct terms *terms, const struct outcome *outcome,
			 const struct record *verdict)
{
	const char *wrong = terms->scope[0] ? NULL : judge_tally(terms, verdict);
	bool hard = !strcmp(verdict->event, "hard");
	const struct stage *stage = hard ? &terms->hard : &terms->soft;
	bool sends = stage->signal[0] && !terms->shadow;

	if (wrong)
		return wrong;
	if (!stage->limit_ns)
		return "a verdict of a stage that is off";
	if (verdict->limit_ns != stage->limit_ns) {
		snprintf(sentence, sizeof(sentence), "the %s limit is recorded as %lld, not %lld",
			 verdict->event, verdict->limit_ns, stage->limit_ns);
		return sentence;
	}
	if (strcmp(verdict->signal, stage->signal)) {
		snprintf(sentence, sizeof(sentence), "the %s signal is \"%s\", not \"%s\"",
			 verdict->event, verdict->signal, stage->signal);
		return sentence;
	}
	if (verdict->shadow != terms->shadow)
		return "a verdict has the wrong value of shadow";
	if (verdict->sent && verdict->not_sent[0])
		return "a verdict was sent and has a reason for not being sent";
	if (verdict->sent && terms->warns && !hard && verdict->fatal)
		return "a warning has ended a process";
	if (may_miss(terms, verdict))
		sends = false;
	if (verdict->sent != sends)
		return sends ? "a verdict's signal was not sent" : "a signal was sent";
	if (hard && terms->soft.limit_ns && !find_of(outcome, "soft", verdict, true))
		return "hard without soft in one episode";
	if (!find_of(outcome, "watch", verdict, false))
		return "a verdict on a task that was not watched";
	return NULL;
}

const char *expect_policy(const struct suite *suite, const struct scenario *scenario,
			  const struct outcome *outcome)
{
	struct terms terms = terms_of(scenario, suite->slow);
	const struct record *record = outcome->records;
	const char *wrong;
	size_t i;

	if (!count_events(outcome, "watch"))
		return "there is no record of the watch";
	for (i = 0; i < outcome->count; i++, record++) {
		if (!strcmp(record->event, "lost"))
			return "records were lost";
		if (strcmp(suite->engine, "auto") && strcmp(record->engine, suite->engine))
			return "a record is of another engine";
		if (!is_verdict(record))
			continue;
		wrong = judge(&terms, outcome, record);
		if (wrong)
			return wrong;
	}
	return NULL;
}
