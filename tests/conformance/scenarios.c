/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scenarios. A new behaviour starts with a scenario here that fails.
 */
#include "conformance.h"

#include <string.h>

/*
 * Whether there is such a record of another process, or thread, than the first watched
 * one.
 */
static bool has_other(const struct outcome *outcome, const char *event, bool thread)
{
	const struct record *watch = find_event(outcome, "watch"), *record = outcome->records;
	size_t i;

	for (i = 0; watch && i < outcome->count; i++, record++)
		if (!strcmp(record->event, event) &&
		    (thread ? record->tid != watch->tid : record->pid != watch->pid))
			return true;
	return false;
}

/* The first thread may have a verdict too: an execve can use a limit. */
static const char *thread_not_process(const struct suite *suite, const struct outcome *outcome)
{
	(void)suite;
	return has_other(outcome, "soft", true) ? NULL : "the second thread has no verdict";
}

static const char *child_not_parent(const struct suite *suite, const struct outcome *outcome)
{
	(void)suite;
	if (has_other(outcome, "soft", false) && has_other(outcome, "hard", false))
		return NULL;
	/* The parent got the verdict before it slept, so it had no child yet. */
	if (count_events(outcome, "hard") && !has_other(outcome, "hard", false))
		return "SKIP the parent used its hard limit before it slept";
	return "the child does not have both verdicts";
}

static const char *exit_has_the_count(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *gone = find_event(outcome, "exit"),
			    *soft = find_event(outcome, "soft");
	const struct account_episode *last = gone ? last_episode(gone->tid) : NULL;

	if (!last)
		return "there is no record of the exit";
	if (!soft || soft->episode != gone->episode)
		return NULL;
	if (gone->count_ns < soft->count_ns)
		return "the exit record has a smaller count than the verdict before it";
	/*
	 * A task that is reaped before poll's last check has the count of the check
	 * before.
	 */
	if (strcmp(suite->engine, "poll") && gone->count_ns < last->last_ns - last->first_ns)
		return "the count of the exit record is too small";
	return NULL;
}

/* If the execve reset the count, the CPU time before the mark would be missing. */
static const char *exec_kept(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *soft = find_event(outcome, "soft");
	const struct account_episode *last = soft ? last_episode(soft->tid) : NULL;

	(void)suite;
	if (!last || !last->mark_ns)
		return "SKIP the time before the execve used the limit";
	if (soft->count_ns < last->last_ns - last->mark_ns + (last->mark_ns - last->first_ns) / 2)
		return "the execve reset the count";
	return NULL;
}

/* One soft signal goes to the process; the thread in sigwait ends it with status 0. */
static const char *sent_to_process(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *soft = find_event(outcome, "soft");

	(void)suite;
	if (!soft || !soft->sent)
		return "the record does not state that the signal was sent";
	return soft->fatal ? "the record states that the signal ends the process" : NULL;
}

/*
 * The hard verdict comes although the thread slept, and its record has these sleeps. It has
 * none only if the machine paused within a piece of work. Then the thread cannot have slept
 * after its soft signal, and it must have run for the whole count of the soft verdict
 * without a sleep. If that signal was not caught, both stages were due in one look, or the
 * soft one before the program had a handler.
 */
static const char *slept_meanwhile(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *hard = find_event(outcome, "hard"), *record = outcome->records;
	const struct account_episode *episode, *caught = NULL;
	const struct record *soft = NULL;
	long long unhandled = 0;
	size_t at = 0, i;

	(void)suite;
	if (!hard || hard->sleeps > 0)
		return hard ? NULL : "there is no hard verdict";
	for (i = 0; i < outcome->count; i++, record++) {
		if (strcmp(record->event, "soft") || !record->sent)
			continue;
		unhandled++;
		if (record->episode == hard->episode)
			soft = record;
	}
	while ((episode = account_of(hard->tid, ACCOUNT_SLEEPS, &at))) {
		unhandled -= episode->caught;
		if (episode->caught)
			caught = episode;
	}
	if (!soft || !caught || unhandled)
		return NULL;
	return last_episode(hard->tid)->before_ns >= caught->caught_ns ||
			       caught->caught_ns - caught->before_ns < soft->used_ns
		       ? "the record has no sleeps"
		       : NULL;
}

/*
 * The soft signal ends the thread before it looks at its clock again. So a hard verdict is
 * right only if it was due in the same look, or while the thread was ending. The look books
 * the runtime, so the count of a later verdict includes it, unless an engine discards time
 * in which it may have missed a yield.
 */
static const char *ended_by_soft(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *soft = find_event(outcome, "soft");
	const struct account_episode *last = soft ? last_episode(soft->tid) : NULL;

	if (!last || signals_come_late(suite))
		return NULL;
	return last->last_ns - last->first_ns > soft->count_ns
		       ? "it ran on after the soft signal that ends it"
		       : NULL;
}

/* Each of the copies is ended at its hard limit, unless their parent was before it slept. */
static const char *copies_ended(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *watch = find_event(outcome, "watch"), *record = outcome->records;
	int ended = 0;
	size_t i;

	(void)suite;
	for (i = 0; watch && i < outcome->count; i++, record++) {
		if (strcmp(record->event, "hard") != 0)
			continue;
		if (record->pid == watch->pid)
			return "SKIP the parent used its hard limit before it slept";
		ended++;
	}
	return ended == 4 ? NULL : "not each copy was ended at its hard limit";
}

static const char *nothing_sent(const struct suite *suite, const struct outcome *outcome)
{
	size_t i;

	(void)suite;
	for (i = 0; i < outcome->count; i++)
		if (outcome->records[i].sent)
			return "a signal was sent";
	return NULL;
}

static const char *shadow_recorded(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *soft = find_event(outcome, "soft");

	if (!soft || !soft->shadow)
		return "the record does not state that the policy was in shadow";
	return nothing_sent(suite, outcome);
}

/* Shadow with the default policy: no warning would be sent; the hard signal would kill. */
static const char *shadow_warns(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *soft = find_event(outcome, "soft"),
			    *hard = find_event(outcome, "hard");

	if (!soft || strcmp(soft->not_sent, "no handler") || soft->fatal)
		return "the record does not state that no warning would be sent";
	if (!hard || hard->not_sent[0] || !hard->fatal)
		return "the record does not state that the hard signal would end the process";
	return shadow_recorded(suite, outcome);
}

static const char *shadow_ends(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *soft = find_event(outcome, "soft");

	if (!soft || soft->not_sent[0] || !soft->fatal)
		return "the record does not state that the soft signal would end the process";
	return shadow_recorded(suite, outcome);
}

/* Every soft signal was not sent, for that reason; the hard signal killed. */
static const char *missed(const struct outcome *outcome, const char *reason)
{
	const struct record *record = outcome->records, *hard = find_event(outcome, "hard");
	size_t i;

	for (i = 0; i < outcome->count; i++, record++)
		if (!strcmp(record->event, "soft") &&
		    (record->sent || record->fatal || strcmp(record->not_sent, reason)))
			return "a soft verdict does not state why its signal was not sent";
	return hard && hard->sent && hard->fatal ? NULL : "it was not ended at its hard limit";
}

static const char *no_handler(const struct suite *suite, const struct outcome *outcome)
{
	(void)suite;
	return missed(outcome, "no handler");
}

static const char *ignored(const struct suite *suite, const struct outcome *outcome)
{
	(void)suite;
	return missed(outcome, "ignored");
}

static const char *blocked(const struct suite *suite, const struct outcome *outcome)
{
	(void)suite;
	return missed(outcome, "blocked");
}

/* Whether the program has printed a line that begins with the text. */
static bool output_has(const char *text)
{
	FILE *output = fopen(scratch_path("output"), "re");
	char line[1024];
	bool has = false;

	while (output && !has && fgets(line, sizeof(line), output))
		has = !strncmp(line, text, strlen(text));
	if (output)
		fclose(output);
	return has;
}

/*
 * The child is the first process of its namespace. Until it resets the inherited
 * dispositions, it ignores the signal.
 */
static const char *first_unaffected(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *watch = find_event(outcome, "watch"), *record = outcome->records;
	const char *last = NULL;
	bool parent_ended = false;
	size_t i;

	(void)suite;
	for (i = 0; watch && i < outcome->count; i++, record++) {
		if (!strcmp(record->event, "soft") && record->pid != watch->pid)
			last = record->not_sent;
		parent_ended |= !strcmp(record->event, "hard") && record->pid == watch->pid;
	}
	/* This can be the parent, which ends its child or has none. */
	if (!output_has("ready") || (parent_ended && !last))
		return "SKIP it used its limits before it was ready";
	if (!last)
		return "there is no soft verdict of the first process";
	return strcmp(last, "first process of its PID namespace")
		       ? "the record does not state that the first process is not affected"
		       : NULL;
}

static const char *all_gone(const struct suite *suite, const struct outcome *outcome)
{
	int watched = count_events(outcome, "watch"), gone = count_events(outcome, "exit");

	(void)suite;
	if (count_events(outcome, "lost"))
		return "records were lost";
	if (watched != 1001)
		return "not every child was watched";
	return watched == gone ? NULL : "watches were left behind";
}

static const char *episodes_counted(const struct suite *suite, const struct outcome *outcome)
{
	size_t i;
	long long last = -1;

	(void)suite;
	for (i = 0; i < outcome->count; i++) {
		if (strcmp(outcome->records[i].event, "soft"))
			continue;
		if (outcome->records[i].episode <= last)
			return "one episode has two soft verdicts";
		last = outcome->records[i].episode;
	}
	return NULL;
}

/*
 * The handler ran in the thread of the verdict, and its CPU clock is not behind the
 * count.
 */
static const char *handler_agrees(const struct suite *suite, const struct outcome *outcome)
{
	const struct account_episode *episode;
	const struct record *soft = find_event(outcome, "soft");
	long long tid = soft ? soft->tid : 0, softs = count_events(outcome, "soft"), caught = 0;
	size_t at = 0;

	(void)suite;
	if (!soft)
		return "there is no soft verdict";
	/* It was ended before its account began. */
	if (!last_episode(tid))
		return NULL;
	while ((episode = account_of(tid, ACCOUNT_SLEEPS, &at))) {
		if (episode->caught && soft->count_ns > episode->caught_ns)
			return "the count is more than all the CPU time of the thread";
		caught += episode->caught;
	}
	if (softs - caught > uncaught_episodes(tid, soft->limit_ns))
		return "not every soft verdict came to the handler";
	return NULL;
}

static const char *warned_and_killed(const struct suite *suite, const struct outcome *outcome)
{
	const char *wrong = handler_agrees(suite, outcome);
	const struct record *hard = find_event(outcome, "hard"), *soft = outcome->records;
	const struct account_episode *last = hard ? last_episode(hard->tid) : NULL;
	size_t i;

	for (i = 0; !wrong && last && last->caught && i < outcome->count; i++, soft++)
		if (!strcmp(soft->event, "soft") && soft->episode == hard->episode && !soft->sent)
			return "its handler was called, but the record states that the signal was "
			       "not sent";
	return wrong || (hard && hard->sent) ? wrong : "it was not ended at its hard limit";
}

static const char *episodes_and_handler(const struct suite *suite, const struct outcome *outcome)
{
	const char *wrong = episodes_counted(suite, outcome);

	return wrong ? wrong : handler_agrees(suite, outcome);
}

/* The limits are equal, so an episode has both verdicts or none. */
static const char *both_verdicts(const struct suite *suite, const struct outcome *outcome)
{
	const struct record *record = outcome->records;
	long long softs = 0;
	size_t i;

	(void)suite;
	/* In one episode the hard verdict comes right after the soft one. */
	for (i = 0; i < outcome->count; i++, record++) {
		if (!strcmp(record->event, "soft"))
			softs++;
		else if (!strcmp(record->event, "hard"))
			softs--;
		if (softs < 0 || softs > 1)
			return "a soft verdict without its hard one";
	}
	return NULL;
}

/* Each thread that ended at or above the limit, by its own clock, has a verdict. */
static const char *ended_have_verdicts(const struct suite *suite, const struct outcome *outcome)
{
	long long limit_ns = 2LL * suite->slow * 1000000, tid, cpu_ns;
	FILE *output = fopen(scratch_path("output"), "re");
	static char sentence[128];
	char line[1024];
	int above = 0, missing = 0;
	size_t i;

	if (!output)
		return "the program has written nothing";
	while (fgets(line, sizeof(line), output)) {
		if (sscanf(line, "ended tid %lld cpu_ns %lld", &tid, &cpu_ns) != 2 ||
		    cpu_ns < limit_ns)
			continue;
		for (i = 0; i < outcome->count; i++)
			if (!strcmp(outcome->records[i].event, "soft") &&
			    outcome->records[i].tid == tid)
				break;
		above++;
		missing += i == outcome->count;
	}
	fclose(output);
	snprintf(sentence, sizeof(sentence), "%d of %d threads ended without a verdict", missing,
		 above);
	return missing || !above ? sentence : NULL;
}

#define BOTH "--soft 100xms --hard 200xms"
/* Soft as above; hard is so large that no pause between the two reaches it. */
#define SOFT "--soft 100xms --hard 100xs"
/*
 * The same, but nothing is killed: for programs that end by themselves. A killed program
 * leaves its last episode without an end, and any verdict fits that.
 */
#define UNHURT BOTH " --soft-signal URG --hard-signal WINCH"
/* A share that a group gets on any machine. */
#define GROUP(scope) "--scope " scope " --share 2% --soft 100xms --hard 100xs"
/* Until the program is killed. */
#define EVER "--for-ms 200000x"
/* These signals are ignored by default: an exec can take longer than the limit. */
#define SHORT "--soft 2xms --soft-signal URG --hard 2xms --hard-signal WINCH --no-inherit"

const struct scenario scenarios[] = {
	{ "spins alone", BOTH, "spin", NULL, 137, BY_ACCOUNT, 1, NULL, NULL },
	{ "spins among spinners", BOTH, "spin --cpu 0", "copies 4 spin --cpu 0", 137, BY_ACCOUNT, 1,
	  NULL, NULL },
	{ "sleeps now and then", UNHURT,
	  "sleep_now_and_then --work-ms 50x --sleep-ms 1 --rounds 10", NULL, 0, BY_ACCOUNT,
	  BY_ACCOUNT, NULL, NULL },
	{ "yields alone", UNHURT, "yielder --cpu 1 --for-ms 500x --wall-ms 30000", NULL, 0,
	  BY_ACCOUNT, BY_ACCOUNT, NULL, NULL },
	{ "yields among others", UNHURT, "copies 4 yielder --cpu 1 --for-ms 300x --wall-ms 30000",
	  NULL, 0, BY_ACCOUNT, BY_ACCOUNT, NULL, NULL },
	{ "yields alone, and yields count", BOTH " --yield count", "yielder --cpu 1 " EVER, NULL,
	  137, BY_ACCOUNT, 1, NULL, NULL },
	{ "yields among others, and yields count", BOTH " --yield count",
	  "copies 4 yielder --cpu 1 " EVER, NULL, 137, BY_ACCOUNT, SOME, copies_ended, NULL },
	{ "yields alone at every half of the limit", UNHURT,
	  "yielder --cpu 1 --work-us 50000x --for-ms 500x --wall-ms 30000", NULL, 0, BY_ACCOUNT,
	  BY_ACCOUNT, NULL, NULL },
	{ "yields among others at every half of the limit", UNHURT,
	  "copies 3 yielder --cpu 1 --work-us 50000x --for-ms 250x --wall-ms 30000", NULL, 0,
	  BY_ACCOUNT, BY_ACCOUNT, NULL, NULL },
	/* With one yield missed, two pieces of work exceed the limit. */
	{ "yields alone at sixty hundredths of the limit", UNHURT,
	  "yielder --cpu 1 --work-us 60000x --for-ms 300x --wall-ms 30000", NULL, 0, BY_ACCOUNT,
	  BY_ACCOUNT, NULL, NULL },
	{ "yields among others at sixty hundredths of the limit", UNHURT,
	  "copies 3 yielder --cpu 1 --work-us 60000x --for-ms 240x --wall-ms 30000", NULL, 0,
	  BY_ACCOUNT, BY_ACCOUNT, NULL, NULL },
	{ "yields as a real-time task that preempts a yielder", UNHURT,
	  "yielder --cpu 1 --fifo --work-us 60000x --for-ms 1200x --wall-ms 30000", NULL, 0,
	  BY_ACCOUNT, BY_ACCOUNT, NULL, NULL },
	{ "polls with timeout 0", BOTH, "poller " EVER, NULL, 137, BY_ACCOUNT, 1, NULL, NULL },
	{ "reads an empty pipe", BOTH, "poller --read " EVER, NULL, 137, BY_ACCOUNT, 1, NULL,
	  NULL },
	{ "thread spins while main sleeps", SOFT, "thread_spins", NULL, 0, BY_ACCOUNT, 0,
	  thread_not_process, NULL },
	{ "child inherits", BOTH, "forker --child-ms 200000x", NULL, 137, BY_ACCOUNT, BY_ACCOUNT,
	  child_not_parent, NULL },
	{ "orphan of the second generation inherits", BOTH, "forker --orphan-ms 200000x", NULL, 0,
	  BY_ACCOUNT, SOME, child_not_parent, NULL },
	{ "child does not inherit", BOTH " --no-inherit", "forker --child-ms 300x", NULL, 0,
	  BY_ACCOUNT, BY_ACCOUNT, NULL, NULL },
	/* Pinned, because execve picks a better CPU and sleeps while it moves there. */
	{ "exec keeps the count", BOTH " --hard 0 --soft-signal XCPU",
	  "exec_keeps --cpu 1 --first-ms 30x", NULL, 152, BY_ACCOUNT, 0, exec_kept, NULL },
	{ "exits mid-episode", "--soft 50xms --hard 400xms --soft-signal 0", "spin --for-ms 100x",
	  NULL, 0, BY_ACCOUNT, BY_ACCOUNT, exit_has_the_count, NULL },
	{ "handler catches soft", SOFT, "handler --times 1", NULL, 0, BY_ACCOUNT, 0, handler_agrees,
	  NULL },
	{ "sleep after soft begins a new episode", SOFT, "handler --times 3", NULL, 0, BY_ACCOUNT,
	  0, episodes_and_handler, NULL },
	{ "handler returns to the spin", BOTH, "handler --times 1 --spin-on " EVER, NULL, 137,
	  BY_ACCOUNT, 1, warned_and_killed, NULL },
	{ "a warning without a handler is not sent", BOTH, "spin", NULL, 137, BY_ACCOUNT, 1,
	  no_handler, NULL },
	{ "ignores soft", BOTH, "spin --ignore", NULL, 137, BY_ACCOUNT, 1, NULL, NULL },
	{ "signal by name, ignored", BOTH " --soft-signal " CONFORMANCE_IGNORED, "spin", NULL, 137,
	  BY_ACCOUNT, 1, ignored, NULL },
	{ "signal by name, ignored unless handled", BOTH " --soft-signal URG", "spin", NULL, 137,
	  BY_ACCOUNT, 1, ignored, NULL },
	{ "signal by name, blocked", BOTH " --soft-signal " CONFORMANCE_BLOCKED, "spin", NULL, 137,
	  BY_ACCOUNT, 1, blocked, NULL },
	{ "signal by name to the process, taken by sigwait",
	  SOFT " --soft-signal " CONFORMANCE_BLOCKED " --signal-to process", "spin --sigwait", NULL,
	  0, BY_ACCOUNT, 0, sent_to_process, NULL },
	{ "signal by name to a namespace's first process",
	  BOTH " --soft-signal " CONFORMANCE_IGNORED, "spin --first --default", NULL, 137,
	  BY_ACCOUNT, 1, first_unaffected, NULL },
	{ "warning to a namespace's first process", BOTH, "spin --first", NULL, 137, BY_ACCOUNT, 1,
	  no_handler, NULL },
	/* Yields count, so that no count is discarded, see ended_by_soft(). */
	{ "soft signal kills although a hard stage follows",
	  BOTH " --soft-signal XCPU --yield count", "spin", NULL, 152, 1, BY_ACCOUNT, ended_by_soft,
	  NULL },
	{ "soft signal kills without a handler", SOFT " --soft-signal TERM", "spin", NULL, 143, 1,
	  0, NULL, NULL },
	{ "soft stage only", "--soft 100xms --hard 0 --soft-signal KILL", "spin", NULL, 137, 1, 0,
	  NULL, NULL },
	{ "hard stage only", "--soft 0 --hard 100xms", "spin", NULL, 137, 0, 1, NULL, NULL },
	{ "equal soft and hard", "--soft 100xms --hard 100xms", "spin", NULL, 137, 1, 1, NULL,
	  NULL },
	{ "signal 0 records only", BOTH " --soft-signal 0 --hard-signal 0", "spin --until hard",
	  NULL, 0, BY_ACCOUNT, BY_ACCOUNT, nothing_sent, NULL },
	{ "shadow records only", BOTH " --shadow", "spin --until hard", NULL, 0, BY_ACCOUNT,
	  BY_ACCOUNT, shadow_warns, NULL },
	{ "shadow records that the signal would have ended it", BOTH " --shadow --soft-signal TERM",
	  "spin --until hard", NULL, 0, BY_ACCOUNT, BY_ACCOUNT, shadow_ends, NULL },
	{ "real-time task", BOTH, "spin --fifo --cpu 1", NULL, 137, BY_ACCOUNT, 1, NULL, NULL },
	{ "stopped and continued", UNHURT, "stopped_and_continued --work-ms 50x --rounds 10", NULL,
	  0, BY_ACCOUNT, BY_ACCOUNT, NULL, NULL },
	{ "works more than its share, recovery 1", BOTH " --recovery 1",
	  "sleep_now_and_then --work-ms 50x --sleep-ms 1 --rounds 4000", NULL, 137, SOME, 1, NULL,
	  NULL },
	{ "works less than its share, recovery 1", UNHURT " --recovery 1",
	  "sleep_now_and_then --work-ms 20x --sleep-ms 60x --rounds 10", NULL, 0, BY_ACCOUNT,
	  BY_ACCOUNT, NULL, NULL },
	{ "interrupted by waits for a lock, recovery lock:9", BOTH " --recovery lock:9",
	  "sleep_now_and_then --lock --catch --work-ms 50x --sleep-ms 1 --rounds 4000", NULL, 137,
	  SOME, 1, slept_meanwhile, NULL },
	{ "waits for a lock for long enough, recovery lock:1", UNHURT " --recovery lock:1",
	  "sleep_now_and_then --lock --work-ms 20x --sleep-ms 60x --rounds 10", NULL, 0, BY_ACCOUNT,
	  BY_ACCOUNT, NULL, NULL },
	/*
	 * If a sleep of 1 ms forgave 1 ms only, two pieces of work would exceed the
	 * limit.
	 */
	{ "sleeps but not in a lock, recovery lock:1", UNHURT " --recovery lock:1",
	  "sleep_now_and_then --work-ms 60x --sleep-ms 1 --rounds 10", NULL, 0, BY_ACCOUNT,
	  BY_ACCOUNT, NULL, NULL },
	{ "waits for a lock, recovery inf", UNHURT " --recovery inf",
	  "sleep_now_and_then --lock --work-ms 60x --sleep-ms 1 --rounds 10", NULL, 0, BY_ACCOUNT,
	  BY_ACCOUNT, NULL, NULL },
	/* Their parent need not sleep once, so its limits are beyond its life. */
	{ "a thousand short-lived processes leave nothing", "--soft 1h --hard 2h",
	  "forker --storm 1000", NULL, 0, 0, 0, all_gone, NULL },
	{ "never early by its own clock", "--soft 10xms --soft-signal URG --hard 100xs",
	  "never_early --limit-ms 10x --rounds 30", NULL, 0, BY_ACCOUNT, 0, NULL, NULL },
	/*
	 * A wakeup on its CPU makes the scheduler charge its last microseconds to another
	 * task.
	 */
	{ "never early beside a task that wakes often",
	  "--soft 5xms --soft-signal URG --hard 100xs",
	  "never_early --limit-ms 5x --rounds 60 --waker-us 40x --cpu 1", NULL, 0, BY_ACCOUNT, 0,
	  NULL, NULL },
	{ "short episodes, each with its verdicts", SHORT, "episodes --limit-us 2000x --hard", NULL,
	  0, ANY, ANY, NULL, NULL },
	{ "short episodes that end near their limit", SHORT,
	  "episodes --kind race --limit-us 2000x --hard", NULL, 0, ANY, ANY, both_verdicts, NULL },
	{ "yields within short episodes, and after their verdicts", SHORT,
	  "episodes --kind yield --limit-us 2000x --hard", NULL, 0, ANY, ANY, NULL, NULL },
	{ "short episodes among spinners", SHORT,
	  "episodes --kind yield --limit-us 2000x --hard --spinners 2", NULL, 0, ANY, ANY, NULL,
	  NULL },
	{ "short episodes beside a task that wakes often", SHORT,
	  "episodes --limit-us 2000x --hard --waker-us 50 --cpu 1", NULL, 0, ANY, ANY, NULL, NULL },
	{ "short episodes, migrated often", SHORT,
	  "episodes --limit-us 2000x --hard --migrate-us 300", NULL, 0, ANY, ANY, NULL, NULL },
	{ "short episodes under many signals", SHORT,
	  "episodes --limit-us 2000x --hard --signal-us 100", NULL, 0, ANY, ANY, NULL, NULL },
	/*
	 * Yields count: where they reset, a count is discarded if the service of the yield
	 * probe has not run for two seconds, and no later episode of a thread makes up for it.
	 */
	{ "threads that end near their limit have a verdict",
	  "--soft 2xms --soft-signal URG --hard 0 --yield count",
	  "episodes --kind exit --limit-us 2000x", NULL, 0, ANY, 0, ended_have_verdicts, NULL },
	{ "waits for a CPU and is migrated, recovery 1",
	  "--soft 60xms --soft-signal URG --hard 0 --recovery 1 --no-inherit",
	  "migrated_wait --limit-ms 60x", NULL, 0, ANY, 0, NULL, NULL },
	{ "two threads share a CPU, scope process", GROUP("process") " --soft-signal 0",
	  "handoff --for-ms 600x", NULL, 0, BY_ACCOUNT, 0, nothing_sent, NULL },
	{ "two threads share a CPU, ended at the hard limit, scope process",
	  "--scope process --share 2% --soft 100xms --hard 200xms", "handoff " EVER, NULL, 137,
	  SOME, 1, NULL, NULL },
	{ "starts a child again and again, scope tree", GROUP("tree"), "respawn --for-ms 600x",
	  NULL, 0, BY_ACCOUNT, 0, nothing_sent, NULL },
	{ "starts a child again and again, scope process", GROUP("process") " --soft-signal 0",
	  "respawn --child-us 20000x --for-ms 600x", NULL, 0, BY_ACCOUNT, 0, NULL, NULL },
	{ "all processes of a tree are ended at the hard limit",
	  "--scope tree --kill --share 2% --soft 100xms --hard 200xms",
	  "group_load --threads 2 --children 100 --rest-ms 0 " EVER, NULL, 137, SOME, 1, NULL,
	  NULL },
	{ "a tree in shadow", "--scope tree --kill --shadow --share 2% --soft 100xms --hard 200xms",
	  "respawn --for-ms 600x", NULL, 0, BY_ACCOUNT, BY_ACCOUNT, nothing_sent, NULL },
	{ "threads and children work and rest, scope tree",
	  "--scope tree --share 50% --soft 60xms --hard 120xms",
	  "group_load --threads 4 --children 100 --seed 5 --for-ms 1500x", NULL, 0, BY_ACCOUNT,
	  BY_ACCOUNT, NULL, NULL },
	{ "works less than the share, scope process",
	  "--scope process --share 90% --soft 20xms --hard 100xs --soft-signal 0",
	  "group_load --percent 80 --for-ms 1000x", NULL, 0, BY_ACCOUNT, 0, NULL, NULL },
	{ "limits changed mid-episode", NULL, NULL, NULL, 0, 0, 0, NULL, scenario_limits_changed },
	{ "running process, watched by maze watch --wait", NULL, NULL, NULL, 0, 0, 0, NULL,
	  scenario_waits },
	{ "running thread, watched by maze watch --wait", NULL, NULL, NULL, 0, 0, 0, NULL,
	  scenario_thread_waits },
	{ "enforcement outlives every maze process", NULL, NULL, NULL, 0, 0, 0, NULL,
	  scenario_outlives_maze },
	{ "one thread of a process", NULL, NULL, NULL, 0, 0, 0, NULL, scenario_one_thread },
	{ "short-lived processes leave no entry in the list", NULL, NULL, NULL, 0, 0, 0, NULL,
	  scenario_list_empties },
	{ NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};
