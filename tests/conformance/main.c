/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conformance: runs the scenarios against one engine and prints TAP.
 *
 * usage: conformance [--engine NAME] [--maze PATH] [--programs DIR] [--only NAME]
 *                    [--slow FACTOR] [--list]
 */
#include "conformance.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
	{ "engine", required_argument, NULL, 'e' },
	{ "maze", required_argument, NULL, 'm' },
	{ "programs", required_argument, NULL, 'p' },
	{ "only", required_argument, NULL, 'o' },
	{ "slow", required_argument, NULL, 's' },
	{ "list", no_argument, NULL, 'l' },
	{ NULL, 0, NULL, 0 },
};

static void show_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[1024];

	while (file && fgets(line, sizeof(line), file))
		printf("#   %s", line);
	if (file)
		fclose(file);
}

static bool report(int number, const char *name, const char *wrong)
{
	if (wrong && !strncmp(wrong, "SKIP ", 5)) {
		printf("ok %d - %s # %s\n", number, name, wrong);
		return true;
	}
	printf("%s %d - %s\n", wrong ? "not ok" : "ok", number, name);
	if (wrong)
		printf("# %s\n", wrong);
	return !wrong;
}

static bool try_scenario(const struct suite *suite, const struct scenario *scenario, int number)
{
	const char *cannot = cannot_reason(suite->engine, scenario->name), *wrong;
	struct outcome outcome = { 0 };
	char skip[256];
	bool passed;

	if (cannot) {
		snprintf(skip, sizeof(skip), "SKIP %s cannot: %s", suite->engine, cannot);
		return report(number, scenario->name, skip);
	}
	if (scenario->run)
		return report(number, scenario->name, scenario->run(suite));
	if (run_scenario(suite, scenario, &outcome))
		wrong = "its records cannot be read";
	else if (outcome.status == EXIT_SKIP)
		wrong = "SKIP not possible on this machine";
	else
		wrong = expect(suite, scenario, &outcome);
	passed = report(number, scenario->name, wrong);
	if (!passed) {
		show_file(scratch_path("output"));
		printf("# records:\n");
		show_file(scratch_path("events"));
		printf("# accounts, in ns of CPU time: the reset before the episode, its first and "
		       "last look, the reset after it\n");
		account_print();
	}
	outcome_free(&outcome);
	return passed;
}

/* Dispositions and masks are inherited, so a program has them from its start. */
static void set_signals(void)
{
	sigset_t blocked;

	signal(SIGIO, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGPWR);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static int run_all(const struct suite *suite)
{
	int n = 0, number = 0, failed = 0, i;

	for (i = 0; scenarios[i].name; i++)
		n += !suite->only || !strcmp(suite->only, scenarios[i].name);
	printf("1..%d\n", n);
	for (i = 0; scenarios[i].name; i++) {
		if (suite->only && strcmp(suite->only, scenarios[i].name))
			continue;
		failed += !try_scenario(suite, &scenarios[i], ++number);
		fflush(stdout);
	}
	return n == 0 || failed;
}

int main(int argc, char **argv)
{
	struct suite suite = { "bpf", "build/maze", "build/tests/programs", NULL, 1 };
	int option, i;

	/* The suite tests the engine: it must not use a mazed that runs on the machine. */
	setenv("MAZE_SOCKET", "", 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'e':
			suite.engine = optarg;
			break;
		case 'm':
			suite.maze = optarg;
			break;
		case 'p':
			suite.programs = optarg;
			break;
		case 'o':
			suite.only = optarg;
			break;
		case 's':
			suite.slow = atoi(optarg);
			break;
		case 'l':
			for (i = 0; scenarios[i].name; i++)
				puts(scenarios[i].name);
			return 0;
		default:
			return 2;
		}
	}
	if (suite.slow < 1 || optind < argc)
		return 2;
	set_signals();
	return run_all(&suite);
}
