/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The conformance suite: what each engine must do on each kernel.
 *
 * A scenario is a row of scenarios.c. It runs a program of tests/programs under `maze
 * run` with a policy, and states how the program ends and which verdicts are recorded. In
 * arguments and policies, a number followed by `x` is multiplied by the --slow factor, so
 * that slow machines keep the proportions.
 *
 * Every scenario asserts on every record: the count of a verdict is at least its limit;
 * no stage comes twice in one episode of a thread; hard does not come before soft;
 * limits, signals and shadow follow the policy (expect_policy.c); and the verdicts fit
 * the account that the program keeps of its episodes (expect_account.c). The table has
 * numbers of verdicts only where they follow from what the program does. Where they
 * depend on how long something takes, the account decides.
 */
#ifndef MAZE_CONFORMANCE_H
#define MAZE_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "../programs/account.h"
#include "../programs/group_account.h"

#define ANY (-1)       /* any number */
#define SOME (-2)      /* at least one */
#define BY_ACCOUNT ANY /* whatever the program's account allows */
/* Every program of a scenario starts with these signals ignored and blocked. */
#define CONFORMANCE_IGNORED "IO"
#define CONFORMANCE_BLOCKED "PWR"
#define EXIT_SKIP 77 /* status of a program that cannot run here */

struct record {
	char event[16];
	char comm[64];
	char signal[32];
	char not_sent[64];
	char engine[16];
	char scope[16]; /* of a group; else empty */
	long long pid, tid, count_ns, limit_ns, episode;
	long long used_ns, asleep_ns, sleeps, elapsed_ns;
	long long time; /* CLOCK_REALTIME in ns */
	bool sent, fatal, shadow, inherited;
};

struct outcome {
	int status; /* as in a shell: 128+N for signal N; 124: hung and was killed */
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
	const char *name; /* the row's name in tables of engines */
	const char *policy;
	const char *program; /* with its arguments */
	const char *beside;  /* a program that runs unwatched at the same time, or NULL */
	int exit_status;
	int softs, hards; /* how many verdicts: a number, BY_ACCOUNT, ANY or SOME */
	/* A further check: NULL, or a sentence about what does not hold. */
	const char *(*check)(const struct suite *suite, const struct outcome *outcome);
	/* Replaces all of the above: the scenario is this function. */
	const char *(*run)(const struct suite *suite);
};

extern const struct scenario scenarios[]; /* ended by a NULL name */

struct stage {
	long long limit_ns; /* 0: off */
	char signal[16];    /* as in records; "": none */
};

/* The settings that the options of a policy give. */
struct terms {
	struct stage soft, hard;
	bool warns, shadow, yields_count;
	double recovery; /* 0: infinite; a ratio for locks counts in waits for locks only */
	char scope[16];	 /* of a group; else empty */
	long long share; /* of a group, as in group_account.h */
};

/* cannot.c: why an engine cannot pass a scenario; NULL: it must pass. */
const char *cannot_reason(const char *engine, const char *scenario);

/* run.c: runs a scenario; the outcome is freed with outcome_free(). */
int run_scenario(const struct suite *suite, const struct scenario *scenario,
		 struct outcome *ret_outcome);
void outcome_free(struct outcome *outcome);
/*
 * Starts a command (words are split at spaces, `x` is applied) with its output in
 * `output` (NULL: no output). The programs that it runs add to the account.
 */
pid_t start_words(const struct suite *suite, const char *words, const char *output);
/* Waits for `seconds` times slow, then kills; returns the status as in outcome. */
int wait_bounded(const struct suite *suite, pid_t pid, int seconds);
/* start_words() and wait_bounded(); returns the status. */
int run_words(const struct suite *suite, const char *words, const char *output);
int read_records(const char *path, struct outcome *ret_outcome);
/* A path of this process in the temporary directory; removed at exit. */
const char *scratch_path(const char *name);

/* expect.c: NULL, or a sentence about what does not hold. */
const char *expect(const struct suite *suite, const struct scenario *scenario,
		   const struct outcome *outcome);
const char *expect_always(const struct outcome *outcome);
bool is_verdict(const struct record *record);
int count_events(const struct outcome *outcome, const char *event);
const struct record *find_event(const struct outcome *outcome, const char *event);

/* expect_account.c: the same, for the verdicts, by the accounts of the programs. */
const char *expect_account(const struct suite *suite, const struct terms *terms,
			   const struct outcome *outcome);
/* The entries of a thread in order, from *at = 0 on; NULL: no more. */
const struct account_episode *account_of(long long tid, enum account_view view, size_t *at);
/* Prints the accounts of all threads as remarks of TAP. */
void account_print(void);
/* The thread's last episode; NULL: none. */
const struct account_episode *last_episode(long long tid);
/* The number of episodes that may have a soft verdict but no call of its handler. */
int uncaught_episodes(long long tid, long long limit_ns);
/* run.c: whether this kernel is a PREEMPT_RT one. */
bool is_realtime_kernel(void);
/*
 * run.c: whether a signal can come after the episode of its verdict has ended: a thread of
 * the poll engine sends it, or, on PREEMPT_RT, of the module.
 */
bool signals_come_late(const struct suite *suite);
/* The account; account_reset() empties it. */
const struct account_file *account(void);
void account_reset(void);

/* expect_group.c: the same, for the verdicts of a group, by its account. */
const char *expect_group(const struct terms *terms, const struct outcome *outcome);
/* run.c: the account of the group; account_reset() empties it too. */
const struct group_account *group_account(void);

/* expect_policy.c: the same, for every record, by the policy of the scenario. */
struct terms terms_of(const struct scenario *scenario, int slow);
const char *expect_policy(const struct suite *suite, const struct scenario *scenario,
			  const struct outcome *outcome);

/* scenarios_pinned.c: scenarios that use a pinned engine. */
const char *scenario_limits_changed(const struct suite *suite);
const char *scenario_outlives_maze(const struct suite *suite);
const char *scenario_one_thread(const struct suite *suite);
const char *scenario_list_empties(const struct suite *suite);

/* scenarios_wait.c: `maze watch --wait` on a running process. */
const char *scenario_waits(const struct suite *suite);
const char *scenario_thread_waits(const struct suite *suite);
/* scenarios_pinned.c: waits until the second thread spins; 0: it does not. */
pid_t second_thread(const struct suite *suite, pid_t pid);
/* Waits until the thread has spun for more than `ns` from now; false: it does not. */
bool spins_on(const struct suite *suite, pid_t tid, long long ns);

#endif
