/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Derives the allowed verdicts from the account that each program keeps of its episodes.
 *
 * An episode whose upper bound is below the limit has no verdict. An episode whose lower
 * bound is at or above the limit has one, if the engine sees each reset when it happens.
 * Between the two, both are allowed. The verdicts of a thread must match its episodes in
 * order, each with a count that the episode can have reached. The last episode has no
 * upper bound for a verdict that was recorded after the account ended. An episode that
 * a yield ends needs no verdict: only the timer can judge it, since a yield that finds
 * nothing else to run is no switch.
 *
 * PREEMPT_RT counts a wait for a spin lock of the kernel as a voluntary switch, but it is no
 * sleep, so it resets nothing. There, an episode that began without a sleep of which the
 * program knows may go on with the count of the one before.
 */
#include "conformance.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* How late an engine may judge an episode that ends by itself. */
static const struct lateness {
	const char *engine;
	long long after_sleep_ns; /* time into an episode that began with a sleep */
	long long after_yield_ns; /* after a yield that it may miss; -1: no bound */
} lateness[] = {
	/*
	 * Both also judge at the switch-out that ends it. They know the time of a yield
	 * to one tick.
	 */
	{ "bpf", 0, 10000000 },
	{ "kmod", 0, 10000000 },
	/* It sees an episode only if it checks in time, which takes a CPU. */
	{ "poll", -1, -1 },
};

/* An episode, or an indistinguishable part of one, as compared with the limit. */
struct candidate {
	bool certain;
	long long upper_ns;
};

static char sentence[256];

const struct account_episode *account_of(long long tid, enum account_view view, size_t *at)
{
	const struct account_file *file = account();
	const struct account_episode *episode;

	while (*at < ACCOUNT_EPISODES && (long long)*at < file->used) {
		episode = &file->episodes[(*at)++];
		if (episode->tid == tid && episode->view == view)
			return episode;
	}
	return NULL;
}

const struct account_episode *last_episode(long long tid)
{
	const struct account_episode *episode, *last = NULL;
	size_t at = 0;

	while ((episode = account_of(tid, ACCOUNT_SLEEPS, &at)))
		last = episode;
	return last;
}

static long long upper_ns(const struct account_episode *episode)
{
	return episode->after_ns ? episode->after_ns - episode->before_ns : LLONG_MAX;
}

/* The thread ran on after its account had ended, and the verdict came then. */
static bool is_later(const struct record *record, const struct account_episode *episode)
{
	return episode->ended_at && record->time >= episode->ended_at;
}

void account_print(void)
{
	const struct account_file *file = account();
	const struct account_episode *episode = file->episodes;
	long long i;

	for (i = 0; i < ACCOUNT_EPISODES && i < file->used; i++, episode++)
		if (episode->tid)
			printf("#   tid %lld view %lld: %lld, %lld to %lld, %lld; more %lld, by "
			       "yield %lld, caught %lld at %lld\n",
			       episode->tid, episode->view, episode->before_ns, episode->first_ns,
			       episode->last_ns, episode->after_ns, episode->more,
			       episode->by_yield, episode->caught, episode->caught_ns);
}

int uncaught_episodes(long long tid, long long limit_ns)
{
	const struct account_episode *episode;
	size_t at = 0;
	int n = 0;

	while ((episode = account_of(tid, ACCOUNT_SLEEPS, &at)))
		n += !episode->caught && (episode->ended_at || upper_ns(episode) >= limit_ns);
	return n;
}

/* Whether the episode may go on with the count of `before`. */
static bool may_go_on(const struct account_episode *before, const struct account_episode *episode)
{
	return before && is_realtime_kernel() && !before->asleep_ns && !episode->by_yield;
}

static bool is_certain(const struct suite *suite, const struct account_episode *episode,
		       long long limit_ns)
{
	const struct lateness *late = lateness;
	long long late_ns;

	while (strcmp(late->engine, suite->engine))
		late++;
	late_ns = episode->by_yield ? late->after_yield_ns : late->after_sleep_ns;
	return late_ns >= 0 && episode->last_ns - episode->first_ns >= limit_ns + late_ns;
}

/*
 * The episodes of the thread that may or must have a verdict; the caller frees the list.
 * `last` is the thread's last verdict, or NULL.
 */
static struct candidate *list_candidates(const struct suite *suite, const struct terms *terms,
					 long long tid, const struct record *last,
					 long long limit_ns, size_t *ret_count)
{
	bool yields = !terms->yields_count && strcmp(suite->engine, "poll");
	enum account_view view = yields ? ACCOUNT_SLEEPS_AND_YIELDS : ACCOUNT_SLEEPS;
	size_t room = 2 * ACCOUNT_EPISODES, count = 0, at = 0;
	struct candidate *list = calloc(room, sizeof(*list));
	const struct account_episode *episode = NULL, *before, *next = account_of(tid, view, &at);
	long long carried_ns = 0, most_ns = 0, rest_ns, shorter;
	bool certain;

	while (list && next) {
		before = episode;
		episode = next;
		next = account_of(tid, view, &at);
		carried_ns = may_go_on(before, episode) ? most_ns : 0;
		certain = is_certain(suite, episode, limit_ns) && carried_ns < limit_ns &&
			  !(next && next->by_yield);
		most_ns = last && is_later(last, episode) ? LLONG_MAX : upper_ns(episode);
		most_ns = most_ns < LLONG_MAX - carried_ns ? most_ns + carried_ns : LLONG_MAX;
		if (most_ns >= limit_ns && count < room)
			list[count++] = (struct candidate){ certain, most_ns };
		/* Shorter episodes between two looks, which the account did not see. */
		rest_ns = episode->after_ns ? episode->after_ns - episode->last_ns : 0;
		shorter = rest_ns / limit_ns < episode->more ? rest_ns / limit_ns : episode->more;
		for (; shorter > 0 && count < room; shorter--)
			list[count++] = (struct candidate){ false, rest_ns };
	}
	*ret_count = count;
	return list;
}

/* Whether the verdicts can belong to the candidates, in order. */
static bool fits(const struct candidate *list, size_t count, const long long *counts_ns,
		 size_t verdicts)
{
	/* possible[n]: the first n verdicts can belong to the candidates so far. */
	bool *possible = calloc(verdicts + 1, sizeof(*possible)), result;
	size_t i, n;

	possible[0] = true;
	for (i = 0; i < count; i++) {
		for (n = verdicts; n > 0; n--)
			possible[n] = (possible[n] && !list[i].certain) ||
				      (possible[n - 1] && counts_ns[n - 1] <= list[i].upper_ns);
		possible[0] = possible[0] && !list[i].certain;
	}
	result = possible[verdicts];
	free(possible);
	return result;
}

static const char *judge_stage(const struct suite *suite, const struct terms *terms,
			       const struct outcome *outcome, long long tid, const char *event)
{
	long long limit_ns = strcmp(event, "hard") ? terms->soft.limit_ns : terms->hard.limit_ns;
	long long *counts_ns = calloc(outcome->count + 1, sizeof(*counts_ns));
	const struct record *record = outcome->records, *last = NULL;
	size_t count = 0, verdicts = 0, certain = 0, i;
	struct candidate *list;
	bool right;

	if (!limit_ns) {
		free(counts_ns);
		return NULL;
	}
	for (i = 0; i < outcome->count; i++, record++) {
		if (record->tid != tid || strcmp(record->event, event))
			continue;
		counts_ns[verdicts++] = record->count_ns;
		last = record;
	}
	list = list_candidates(suite, terms, tid, last, limit_ns, &count);
	right = fits(list, count, counts_ns, verdicts);
	for (i = 0; i < count; i++)
		certain += list[i].certain;
	if (!right && verdicts >= certain && verdicts <= count)
		snprintf(sentence, sizeof(sentence),
			 "the counts of thread %lld's %zu %s verdicts do not fit its episodes", tid,
			 verdicts, event);
	else if (!right)
		snprintf(sentence, sizeof(sentence),
			 "%zu %s verdicts of thread %lld, where its account has %zu to %zu",
			 verdicts, event, tid, certain, count);
	free(counts_ns);
	free(list);
	return right ? NULL : sentence;
}

/*
 * With a finite recovery the count survives sleeps. Its upper bound is all CPU time minus
 * the forgiveness for the lower bound of the time not runnable. The sleep came at an unknown
 * time between the last look before it and the first one after it. All CPU time of these
 * may be before it, so that the count was higher; or behind it, where it is not forgiven.
 */
static const char *judge_recovery(const struct terms *terms, const struct outcome *outcome,
				  long long tid)
{
	const struct account_episode *episode;
	const struct record *record = outcome->records;
	double count_ns = 0, most_ns = 0, behind_ns;
	long long since_ns = 0, until_ns;
	bool ended = true;
	size_t at = 0, i;

	while ((episode = account_of(tid, ACCOUNT_SLEEPS, &at))) {
		ended = episode->after_ns != 0;
		until_ns = ended ? episode->after_ns : episode->last_ns;
		count_ns += (double)(until_ns - since_ns);
		most_ns = count_ns > most_ns ? count_ns : most_ns;
		count_ns -= (double)episode->asleep_ns * terms->recovery;
		behind_ns = (double)(until_ns - episode->last_ns);
		count_ns = count_ns > behind_ns ? count_ns : behind_ns;
		since_ns = until_ns;
	}
	for (i = 0; ended && i < outcome->count; i++, record++)
		if (is_verdict(record) && record->tid == tid &&
		    (double)record->limit_ns > most_ns && !is_later(record, last_episode(tid)))
			return "a verdict, although by the account the count never reached the "
			       "limit";
	return NULL;
}

/* By the handlers' data: each thread that got a signal has a verdict, and none is early. */
static const char *judge_caught(const struct suite *suite, const struct terms *terms,
				const struct outcome *outcome, long long tid)
{
	long long caught = 0, softs = 0, limit_ns = terms->soft.limit_ns, before_ns = 0;
	bool late = signals_come_late(suite);
	const struct account_episode *episode, *before = NULL;
	size_t at = 0, i;

	while ((episode = account_of(tid, ACCOUNT_SLEEPS, &at))) {
		caught += episode->caught;
		/* A late signal can arrive just after the next episode has begun. */
		if (!late && !may_go_on(before, episode))
			before_ns = episode->before_ns;
		if (episode->caught && episode->caught_ns - before_ns < limit_ns &&
		    !terms->recovery) {
			snprintf(sentence, sizeof(sentence),
				 "EARLY: by its own clock at %lld of %lld ns",
				 episode->caught_ns - before_ns, limit_ns);
			return sentence;
		}
		if (late && !may_go_on(before, episode))
			before_ns = episode->before_ns;
		before = episode;
	}
	for (i = 0; i < outcome->count; i++)
		softs += outcome->records[i].tid == tid &&
			 !strcmp(outcome->records[i].event, "soft");
	if (softs >= caught)
		return NULL;
	snprintf(sentence, sizeof(sentence), "thread %lld caught %lld signals of %lld verdicts",
		 tid, caught, softs);
	return sentence;
}

static const char *judge_thread(const struct suite *suite, const struct terms *terms,
				const struct outcome *outcome, long long tid)
{
	const char *wrong = judge_caught(suite, terms, outcome, tid);

	if (!wrong && terms->recovery)
		return judge_recovery(terms, outcome, tid);
	if (!wrong)
		wrong = judge_stage(suite, terms, outcome, tid, "soft");
	if (!wrong)
		wrong = judge_stage(suite, terms, outcome, tid, "hard");
	return wrong;
}

/* Threads without an account may be helpers; a program without one is an error. */
const char *expect_account(const struct suite *suite, const struct terms *terms,
			   const struct outcome *outcome)
{
	const struct record *record = outcome->records;
	const char *wrong = NULL;
	size_t i, accounts = 0;

	if (account()->used > ACCOUNT_EPISODES)
		return "the account has no room for all episodes";
	for (i = 0; !wrong && i < outcome->count; i++, record++) {
		if (strcmp(record->event, "watch") || !last_episode(record->tid))
			continue;
		accounts++;
		wrong = judge_thread(suite, terms, outcome, record->tid);
	}
	if (!wrong && !accounts && outcome->status < 128)
		wrong = "no program has kept an account";
	return wrong;
}
