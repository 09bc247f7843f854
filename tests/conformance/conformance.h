/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The conformance suite: what each engine must do, on each kernel, said once.
 *
 * A scenario is a row of scenarios.c. It runs a program of tests/programs under
 * `maze run` with a policy and says how the program ends and which verdicts are
 * recorded. In arguments and policies, a number followed by `x` is multiplied by
 * the --slow factor, so that slow machines keep the proportions.
 *
 * Asserted in every scenario, on every record: a verdict's count is at least its
 * limit, no stage twice in one episode of a thread, hard not before soft; what
 * the policy says of limits, signals and shadow (expect_policy.c); and that the verdicts
 * are those that the program's account of its episodes makes right (expect_account.c).
 * Numbers of verdicts are in the table only where they follow from what the program
 * does; where they rest on the time that something takes, the account has them.
 */
#ifndef MAZE_CONFORMANCE_H
#define MAZE_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "../programs/account.h"

#define ANY (-1)       /* any number */
#define SOME (-2)      /* at least one */
#define BY_ACCOUNT ANY /* what the program's account makes right, and nothing else */
/* Signals that every program of a scenario is born ignoring, and blocking. */
#define CONFORMANCE_IGNORED "IO"
#define CONFORMANCE_BLOCKED "PWR"
#define EXIT_SKIP 77 /* a program's "not possible here" */

struct record {
	char event[16];
	char comm[64];
	char signal[32];
	char not_sent[64];
	char engine[16];
	long long pid, tid, count_ns, limit_ns, episode;
	long long used_ns, asleep_ns, sleeps;
	bool sent, fatal, shadow, inherited;
};

struct outcome {
	int status; /* as a shell has it: 128+N for signal N; 124: hung, killed by us */
	struct record *records;
	size_t count;
};

struct suite {
	const char *engine;
	const char *maze;     /* path of maze(1) */
	const char *programs; /* directory of the programs */
	const char *only;     /* NULL: all */
	int slow;
};

struct scenario {
	const char *name; /* plain words; the row's name in tables of engines */
	const char *policy;
	const char *program; /* with its arguments */
	const char *beside;  /* a program that runs unwatched at the same time, or NULL */
	int exit_status;
	int softs, hards; /* how many verdicts: a number, BY_ACCOUNT, ANY or SOME */
	/* More to hold: NULL, or a sentence of what does not. */
	const char *(*check)(const struct suite *suite, const struct outcome *outcome);
	/* Instead of all the above: a scenario that is a small story of its own. */
	const char *(*story)(const struct suite *suite);
};

extern const struct scenario scenarios[]; /* ended by a NULL name */

struct stage {
	long long limit_ns; /* 0: off */
	char signal[16];    /* as in records; "": none */
};

/* What a policy's options say. */
struct terms {
	struct stage soft, hard;
	bool warns, shadow, yields_count;
	double recovery; /* 0: infinite; one for locks counts where the program waits for them */
};

/* Why an engine cannot pass a scenario, or NULL: it must. */
const char *cannot_reason(const char *engine, const char *scenario);

/* run.c: runs a scenario; the outcome is freed with outcome_free(). */
int run_scenario(const struct suite *suite, const struct scenario *scenario,
		 struct outcome *ret_outcome);
void outcome_free(struct outcome *outcome);
/*
 * Starts words (split at spaces, `x` applied) with output to `output` (NULL: none); what
 * it runs adds to the account.
 */
pid_t start_words(const struct suite *suite, const char *words, const char *output);
/* Waits at most so many seconds times slow, then kills; the status as in outcome. */
int wait_bounded(const struct suite *suite, pid_t pid, int seconds);
/* start_words and wait_bounded: the status. */
int run_words(const struct suite *suite, const char *words, const char *output);
int read_records(const char *path, struct outcome *ret_outcome);
/* A path of this process's own in the temporary directory; removed at exit. */
const char *scratch_path(const char *name);

/* expect.c: NULL, or a sentence of what does not hold. */
const char *expect(const struct suite *suite, const struct scenario *scenario,
		   const struct outcome *outcome);
const char *expect_always(const struct outcome *outcome);
bool is_verdict(const struct record *record);
int count_events(const struct outcome *outcome, const char *event);
const struct record *find_event(const struct outcome *outcome, const char *event);

/* expect_account.c: likewise, of the verdicts by the programs' accounts. */
const char *expect_account(const struct suite *suite, const struct terms *terms,
			   const struct outcome *outcome);
/* The entries of a thread, one after the other, from *at = 0 on; NULL: no more. */
const struct account_episode *account_of(long long tid, enum account_view view, size_t *at);
/* The thread's last episode; NULL: none. */
const struct account_episode *last_episode(long long tid);
/* How many of its episodes may have had a soft verdict, but no handler of its signal. */
int uncaught_episodes(long long tid, long long limit_ns);
/* run.c: the account; forgets what it has. */
const struct account_file *account(void);
void account_reset(void);

/* expect_policy.c: likewise, of every record by the scenario's own policy. */
struct terms terms_of(const struct scenario *scenario, int slow);
const char *expect_policy(const struct suite *suite, const struct scenario *scenario,
			  const struct outcome *outcome);

/* stories.c: what needs more than one run of one program. */
const char *story_limits_changed(const struct suite *suite);
const char *story_outlives_maze(const struct suite *suite);
const char *story_one_thread(const struct suite *suite);
const char *story_list_empties(const struct suite *suite);

/* stories_wait.c: what a maze that stays does for processes that run already. */
const char *story_waits(const struct suite *suite);
const char *story_thread_waits(const struct suite *suite);
/* stories.c: waits until the thread that is not the main one spins; 0: it does not. */
pid_t second_thread(const struct suite *suite, pid_t pid);
/* Waits until the thread has spun for more than that from now on; false: it does not. */
bool spins_on(const struct suite *suite, pid_t tid, long long ns);

#endif
