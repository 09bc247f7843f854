/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios that are small stories: they put a running process under watch in the
 * pinned engine, which is one per machine. Where one is in use already they keep
 * off, and say so.
 */
#include "conformance.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define IN_USE "SKIP a maze is in use here"

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

static long long cpu_ns_of(pid_t pid)
{
	long long ns = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%lld", &ns) != 1)
		ns = -1;
	fclose(file);
	return ns;
}

/* Until it has used so much CPU, or is gone. */
static void wait_for_cpu(pid_t pid, long long ns)
{
	long long until = cpu_ns_of(pid) + ns;

	while (cpu_ns_of(pid) >= 0 && cpu_ns_of(pid) < until)
		usleep(5000);
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

static const char *change_limits(const struct suite *suite, pid_t pid)
{
	struct outcome outcome = { 0 };
	const char *wrong;

	if (maze(suite, "watch --soft 100xms --hard 0", pid, NULL))
		return "the first watch failed";
	wait_for_cpu(pid, 60LL * suite->slow * 1000000);
	/* Replaced before the first limit: the count begins again, under the new one. */
	if (maze(suite, "watch --soft 200xms --hard 300xms --hard-signal 0", pid, NULL))
		return "the second watch failed";
	wait_for_cpu(pid, 500LL * suite->slow * 1000000);
	if (maze(suite, "unwatch", pid, NULL))
		return "unwatch failed";
	if (maze(suite, "unwatch", pid, NULL) != 1)
		return "to unwatch what is not watched is no failure";
	wrong = read_events(suite, pid, &outcome);
	if (!wrong)
		wrong = expect_always(&outcome);
	if (!wrong && (count_events(&outcome, "soft") != 1 || count_events(&outcome, "hard") != 1))
		wrong = "not one soft and one hard verdict";
	if (!wrong && find_event(&outcome, "soft")->limit_ns != 200LL * suite->slow * 1000000)
		wrong = "the verdict is by the old limit";
	outcome_free(&outcome);
	return wrong;
}

const char *story_limits_changed(const struct suite *suite)
{
	const char *wrong;
	pid_t pid;

	if (in_use(suite))
		return IN_USE;
	pid = start_words(suite, "spin --ignore", NULL);
	usleep(20000);
	wrong = change_limits(suite, pid);
	maze(suite, "unload", 0, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return wrong;
}

/* Kills every process named maze or maze-attend that is a child of init or ours. */
static void kill_attendants(void)
{
	char line[64];
	FILE *list = popen("for d in /proc/[0-9]*; do read -r n < $d/comm && "
			   "[ \"$n\" = maze-attend ] && echo ${d#/proc/}; done 2>/dev/null",
			   "re");

	while (list && fgets(line, sizeof(line), list))
		kill((pid_t)atoi(line), SIGKILL);
	if (list)
		pclose(list);
}

static const char *outlive(const struct suite *suite, pid_t pid)
{
	struct outcome outcome = { 0 };
	const char *wrong;

	if (maze(suite, "watch --soft 200xms --hard 400xms", pid, NULL))
		return "watch failed";
	kill_attendants();
	if (wait_bounded(suite, pid, 30) != 137)
		return "it was not killed at its hard limit";
	wrong = read_events(suite, pid, &outcome);
	if (!wrong)
		wrong = expect_always(&outcome);
	if (!wrong && (count_events(&outcome, "soft") != 1 || count_events(&outcome, "hard") != 1))
		wrong = "not one soft and one hard verdict";
	outcome_free(&outcome);
	return wrong;
}

const char *story_outlives_maze(const struct suite *suite)
{
	const char *wrong;
	pid_t pid;

	if (in_use(suite))
		return IN_USE;
	pid = start_words(suite, "spin --ignore", NULL);
	usleep(20000);
	wrong = outlive(suite, pid);
	maze(suite, "unload", 0, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return wrong;
}
