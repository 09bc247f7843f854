/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios that put a running process under watch in the pinned engine. A machine has
 * one pinned engine; where it is in use already, these scenarios are skipped.
 */
#include "conformance.h"

#include <ctype.h>
#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define IN_USE "SKIP the pinned engine is in use here"

static bool in_use(const struct suite *suite)
{
	char words[512], text[4096] = "";
	FILE *file;
	size_t n;

	snprintf(words, sizeof(words), "%s doctor --json", suite->maze);
	run_words(suite, words, scratch_path("list"));
	file = fopen(scratch_path("list"), "re");
	if (!file)
		return true;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	return strstr(text, "\"loaded\": true") != NULL;
}

static int maze(const struct suite *suite, const char *what, pid_t pid, const char *output)
{
	char words[512];

	if (pid)
		snprintf(words, sizeof(words), "%s %s --engine %s %d", suite->maze, what,
			 suite->engine, (int)pid);
	else
		snprintf(words, sizeof(words), "%s %s", suite->maze, what);
	return run_words(suite, words, output);
}

/* Bounds every wait for a condition. */
#define WAIT_MS (60 * 1000)

bool spins_on(const struct suite *suite, pid_t tid, long long ns)
{
	const struct account_episode *episode = last_episode(tid);
	long long until_ns = episode ? episode->last_ns + ns : 0;
	int i, looks = 0;

	/*
	 * A store after the call can have a clock reading from before it; the next one
	 * cannot.
	 */
	for (i = 0; looks < 2 && i < WAIT_MS * suite->slow && !kill(tid, 0); i++) {
		episode = last_episode(tid);
		if (episode && episode->last_ns > until_ns) {
			until_ns = episode->last_ns;
			looks++;
		}
		usleep(1000);
	}
	return looks == 2;
}

static long long cpu_ns_of(pid_t tid)
{
	const struct account_episode *episode = last_episode(tid);

	return episode ? episode->last_ns : -1;
}

static const char *read_events(const struct suite *suite, pid_t pid, struct outcome *outcome)
{
	size_t i, kept = 0;

	if (maze(suite, "events --json", 0, scratch_path("events")))
		return "maze events failed";
	if (read_records(scratch_path("events"), outcome))
		return "maze events is not JSON";
	for (i = 0; i < outcome->count; i++)
		if (outcome->records[i].pid == pid)
			outcome->records[kept++] = outcome->records[i];
	outcome->count = kept;
	return NULL;
}

/* Waits until the engine has recorded that event of the process. */
static const char *wait_for_event(const struct suite *suite, pid_t pid, const char *event)
{
	struct outcome outcome = { 0 };
	const char *wrong;
	bool there;
	int i;

	for (i = 0; i < 600 * suite->slow; i++) {
		wrong = read_events(suite, pid, &outcome);
		there = !wrong && find_event(&outcome, event);
		outcome_free(&outcome);
		if (wrong || there)
			return wrong;
		usleep(100000);
	}
	return "a verdict has not come in a minute";
}

/* The program never sleeps once it spins, so each stage comes once. */
static const char *one_of_each(const struct outcome *outcome)
{
	const char *wrong = expect_always(outcome);

	if (!wrong && (count_events(outcome, "soft") != 1 || count_events(outcome, "hard") != 1))
		wrong = "not one soft and one hard verdict";
	return wrong;
}

static const char *change_limits(const struct suite *suite, pid_t pid)
{
	struct outcome outcome = { 0 };
	long long changed_at, end_at;
	const char *wrong;

	/*
	 * This limit is not reached; the test is that the count under it does not
	 * survive.
	 */
	if (maze(suite, "watch --soft 200xs --hard 0", pid, NULL))
		return "the first watch failed";
	if (!spins_on(suite, pid, 300LL * suite->slow * 1000000))
		return "it does not spin";
	changed_at = cpu_ns_of(pid);
	if (maze(suite, "watch --soft 200xms --hard 300xms --hard-signal 0", pid, NULL))
		return "the second watch failed";
	wrong = wait_for_event(suite, pid, "hard");
	if (wrong)
		return wrong;
	if (maze(suite, "unwatch", pid, NULL))
		return "unwatch failed";
	/* Then the last entry of the account is from after the unwatch. */
	if (!spins_on(suite, pid, 0))
		return "it does not spin";
	end_at = cpu_ns_of(pid);
	if (maze(suite, "unwatch", pid, NULL) != 1)
		return "unwatch of an unwatched process succeeded";
	wrong = read_events(suite, pid, &outcome);
	if (!wrong)
		wrong = one_of_each(&outcome);
	if (!wrong && find_event(&outcome, "soft")->limit_ns != 200LL * suite->slow * 1000000)
		wrong = "the verdict has the old limit";
	if (!wrong && !find_event(&outcome, "unwatch"))
		wrong = "there is no record of the unwatch";
	if (!wrong && find_event(&outcome, "unwatch")->count_ns > end_at - changed_at)
		wrong = "the new policy did not reset the count";
	outcome_free(&outcome);
	return wrong;
}

const char *scenario_limits_changed(const struct suite *suite)
{
	const char *wrong;
	pid_t pid;

	if (in_use(suite))
		return IN_USE;
	account_reset();
	pid = start_words(suite, "spin --ignore", NULL);
	wrong = spins_on(suite, pid, 0) ? change_limits(suite, pid) : "it does not spin";
	maze(suite, "unload", 0, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return wrong;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat first, second;

	return !stat(a, &first) && !stat(b, &second) && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

/*
 * Whether the process is the yield-probe service that maze watch starts, from the maze
 * under test and in this mount namespace. Other suites run at the same time, each in its
 * own mount namespace.
 */
static bool is_service(const struct suite *suite, const char *pid)
{
	char path[300], text[256] = "";
	const char *second;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	if (!is_same_file(suite->maze, path))
		return false;
	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", pid);
	if (!is_same_file("/proc/self/ns/mnt", path))
		return false;
	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	(void)!fread(text, 1, sizeof(text) - 2, file);
	fclose(file);
	second = text + strlen(text) + 1;
	/* Between its fork and its exec it still has the words of maze watch. */
	return !strcmp(second, "service") || !strcmp(second, "watch");
}

/* Kills the yield-probe services of the maze under test; returns their number. */
static int kill_services(const struct suite *suite)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int pidfd, killed = 0;

	while (proc && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		pidfd = (int)syscall(SYS_pidfd_open, atoi(entry->d_name), 0);
		if (pidfd < 0)
			continue;
		if (is_service(suite, entry->d_name))
			killed += !syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		close(pidfd);
	}
	if (proc)
		closedir(proc);
	return killed;
}

static const char *outlive(const struct suite *suite, pid_t pid)
{
	struct outcome outcome = { 0 };
	const char *wrong;

	if (maze(suite, "watch --soft 200xms --hard 400xms", pid, NULL))
		return "watch failed";
	kill_services(suite);
	if (wait_bounded(suite, pid, WAIT_MS / 1000) != 137)
		return "it was not killed at its hard limit";
	if (kill_services(suite))
		return "a maze process was still running";
	wrong = read_events(suite, pid, &outcome);
	if (!wrong)
		wrong = one_of_each(&outcome);
	outcome_free(&outcome);
	return wrong;
}

/* A successful scenario has reaped it; then its number can be reused. */
static void end_if_not_reaped(pid_t pid)
{
	if (waitpid(pid, NULL, WNOHANG))
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

const char *scenario_outlives_maze(const struct suite *suite)
{
	const char *wrong;
	pid_t pid;

	if (in_use(suite))
		return IN_USE;
	account_reset();
	pid = start_words(suite, "spin --ignore", NULL);
	wrong = spins_on(suite, pid, 0) ? outlive(suite, pid) : "it does not spin";
	maze(suite, "unload", 0, NULL);
	end_if_not_reaped(pid);
	return wrong;
}

/* The length of the list and the thread of its first entry; -1: no list. */
static int list_length(const struct suite *suite, long long *ret_tid)
{
	json_t *list;
	int length;

	if (maze(suite, "list --json", 0, scratch_path("list")))
		return -1;
	list = json_load_file(scratch_path("list"), 0, NULL);
	if (!json_is_array(list))
		return -1;
	length = (int)json_array_size(list);
	*ret_tid = json_integer_value(json_object_get(json_array_get(list, 0), "tid"));
	json_decref(list);
	return length;
}

pid_t second_thread(const struct suite *suite, pid_t pid)
{
	const struct account_file *file = account();
	long long i;
	int ms;

	for (ms = 0; ms < WAIT_MS * suite->slow && !kill(pid, 0); ms++) {
		for (i = 0; i < file->used && i < ACCOUNT_EPISODES; i++)
			if (file->episodes[i].tid && file->episodes[i].tid != pid)
				return spins_on(suite, (pid_t)file->episodes[i].tid, 0)
					       ? (pid_t)file->episodes[i].tid
					       : 0;
		usleep(1000);
	}
	return 0;
}

static int watch_one_thread(const struct suite *suite, pid_t tid, const char *soft)
{
	char words[512];

	snprintf(words, sizeof(words), "%s watch --engine %s --soft %s --hard 0 --thread %d",
		 suite->maze, suite->engine, soft, (int)tid);
	return run_words(suite, words, NULL);
}

static const char *watch_thread(const struct suite *suite, pid_t pid)
{
	pid_t tid = second_thread(suite, pid);
	struct outcome outcome = { 0 };
	long long listed = 0;
	const char *wrong;

	if (!tid)
		return "the second thread does not spin";
	/* The limit that ends it comes only after it was listed. */
	if (watch_one_thread(suite, tid, "1h"))
		return "watch --thread failed";
	if (list_length(suite, &listed) != 1 || listed != tid)
		return "the list does not contain exactly this thread";
	if (watch_one_thread(suite, tid, "100xms"))
		return "watch --thread with another limit failed";
	/* The handler ends the program with status 0 if it runs in the spinning thread. */
	if (wait_bounded(suite, pid, WAIT_MS / 1000))
		return "the signal did not come to the thread";
	wrong = read_events(suite, pid, &outcome);
	if (!wrong)
		wrong = expect_always(&outcome);
	if (!wrong && (count_events(&outcome, "soft") != 1 || count_events(&outcome, "watch") != 2))
		wrong = "not one watch for each limit and one soft verdict";
	if (!wrong && find_event(&outcome, "soft")->tid != tid)
		wrong = "the verdict is on another thread";
	outcome_free(&outcome);
	return wrong;
}

const char *scenario_one_thread(const struct suite *suite)
{
	const char *wrong;
	pid_t pid;

	if (in_use(suite))
		return IN_USE;
	account_reset();
	pid = start_words(suite, "thread_spins", NULL);
	wrong = watch_thread(suite, pid);
	maze(suite, "unload", 0, NULL);
	end_if_not_reaped(pid);
	return wrong;
}

/* A watched sleeper keeps the pinned engine in use while maze run uses it too. */
static const char *run_storm(const struct suite *suite, pid_t sleeper)
{
	long long tid = 0;
	char words[512];

	if (maze(suite, "watch --soft 1h --hard 2h", sleeper, NULL))
		return "watch failed";
	/* The parent of the storm need not sleep once. */
	snprintf(words, sizeof(words),
		 "%s run --engine %s --soft 1h --hard 2h -- forker --storm 300", suite->maze,
		 suite->engine);
	if (run_words(suite, words, NULL))
		return "a child failed";
	if (list_length(suite, &tid) != 1 || tid != sleeper)
		return "the list does not contain exactly the sleeper";
	if (maze(suite, "unwatch", sleeper, NULL))
		return "unwatch failed";
	return list_length(suite, &tid) == 0 ? NULL : "the list is not empty";
}

const char *scenario_list_empties(const struct suite *suite)
{
	const char *wrong;
	pid_t sleeper;

	if (in_use(suite))
		return IN_USE;
	sleeper = start_words(suite, "sleep_now_and_then --work-ms 1 --sleep-ms 50 --rounds 4000",
			      NULL);
	wrong = run_storm(suite, sleeper);
	maze(suite, "unload", 0, NULL);
	kill(sleeper, SIGKILL);
	waitpid(sleeper, NULL, 0);
	return wrong;
}
