/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios of `maze watch --wait` on a running process, which every engine can run. The
 * watch lasts as long as that maze runs.
 */
#include "conformance.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_SECONDS 60

/*
 * Runs maze watch --wait with these words until the process has ended; returns the
 * status.
 */
static int wait_with(const struct suite *suite, const char *words)
{
	char all[1024];

	unlink(scratch_path("events"));
	snprintf(all, sizeof(all), "%s watch --engine %s --wait --all --events %s %s", suite->maze,
		 suite->engine, scratch_path("events"), words);
	return run_words(suite, all, scratch_path("output"));
}

static const char *check(int softs, int hards, long long tid)
{
	struct outcome outcome = { 0 };
	const char *wrong = NULL;

	if (read_records(scratch_path("events"), &outcome))
		return "its records cannot be read";
	wrong = expect_always(&outcome);
	if (!wrong &&
	    (count_events(&outcome, "soft") != softs || count_events(&outcome, "hard") != hards))
		wrong = "wrong number of verdicts";
	if (!wrong && find_event(&outcome, "soft")->tid != tid)
		wrong = "the verdict is on another thread";
	outcome_free(&outcome);
	return wrong;
}

const char *scenario_waits(const struct suite *suite)
{
	const char *wrong;
	char words[256];
	pid_t pid;
	bool spins;

	account_reset();
	pid = start_words(suite, "spin --ignore", NULL);
	spins = spins_on(suite, pid, 0);
	snprintf(words, sizeof(words), "--soft 200xms --hard 400xms %d", (int)pid);
	wrong = !spins			  ? "it does not spin"
		: wait_with(suite, words) ? "maze watch --wait failed"
					  : NULL;
	if (wait_bounded(suite, pid, WAIT_SECONDS) != 128 + SIGKILL)
		wrong = "it was not killed at its hard limit";
	return wrong ? wrong : check(1, 1, pid);
}

const char *scenario_thread_waits(const struct suite *suite)
{
	const char *wrong;
	char words[256];
	pid_t pid, tid;

	account_reset();
	pid = start_words(suite, "thread_spins", NULL);
	tid = second_thread(suite, pid);
	snprintf(words, sizeof(words), "--soft 200xms --hard 0 --thread %d", (int)tid);
	wrong = wait_with(suite, words) ? "maze watch --wait failed" : NULL;
	/* The handler ends the program with status 0 if it runs in the spinning thread. */
	if (wait_bounded(suite, pid, WAIT_SECONDS))
		wrong = "the signal did not come to the thread";
	return wrong ? wrong : check(1, 0, tid);
}
