/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/escape.h"
#include "../base/standard_streams.h"
#include "rules/explain.h"
#include "mazed.h"
#include "rules/problems.h"
#include "rules/unit_rules.h"
#include "unit_lookup.h"

#define CONFIG_DEFAULT MAZE_SYSCONFDIR "/maze/maze.conf"

enum { OPTION_CONFIG = 256, OPTION_CHECK, OPTION_EXPLAIN, OPTION_THREAD, OPTION_ENGINE };

/* Each option has one row, which getopt and --help use. */
static const struct {
	struct option option;
	const char *argument;
	const char *help;
} table[] = {
	{ { "config", required_argument, NULL, OPTION_CONFIG },
	  "FILE",
	  "read the rules from FILE and FILE.d/*.conf (" CONFIG_DEFAULT ")" },
	{ { "check", no_argument, NULL, OPTION_CHECK },
	  NULL,
	  "print errors and settings without effect, and exit" },
	{ { "explain", required_argument, NULL, OPTION_EXPLAIN },
	  "PID",
	  "print which rule applies to a process, and why, and exit" },
	{ { "thread", required_argument, NULL, OPTION_THREAD },
	  "TID",
	  "with --explain: this thread instead of the main thread" },
	{ { "engine", required_argument, NULL, OPTION_ENGINE },
	  "NAME",
	  "auto, bpf, kmod or poll (auto: the best that can run)" },
	{ { "help", no_argument, NULL, 'h' }, NULL, "print this text" },
	{ { "version", no_argument, NULL, 'V' }, NULL, "print the version" },
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

struct arguments {
	struct mazed_options mazed;
	bool check;
	pid_t explain; /* 0: not requested */
	pid_t thread;
};

static void print_help(void)
{
	char left[64];
	size_t i;

	puts("usage: mazed [OPTION...]\n\n"
	     "Watches processes by the rules of maze.conf(5) until it is terminated.\n");
	for (i = 0; i < OPTIONS; i++) {
		snprintf(left, sizeof(left), "--%s %s", table[i].option.name,
			 table[i].argument ? table[i].argument : "");
		printf("  %-18s %s\n", left, table[i].help);
	}
	puts("\nSIGHUP reloads the rules. SIGTERM and SIGINT end mazed and remove its watches.\n"
	     "SIGUSR1 ends mazed and leaves its watches to the next mazed.\n"
	     "If mazed ends in another way, the engines bpf and kmod still enforce the limits.\n"
	     "See mazed(8).");
}

static int usage_error(const char *what, const char *value)
{
	fprintf(stderr, "mazed: %s%s%s; see mazed --help\n", what, value ? ": " : "",
		value ? value : "");
	return EXIT_MAZED_USAGE;
}

static bool parse_pid(const char *text, pid_t *ret_pid)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number <= 0 || number > 4194304)
		return false;
	*ret_pid = (pid_t)number;
	return true;
}

/* Returns -1 to continue, or the exit status. */
static int parse_option(int option, struct arguments *arguments)
{
	struct maze_error error = { "" };

	switch (option) {
	case OPTION_CONFIG:
		arguments->mazed.config = optarg;
		arguments->mazed.shipped = NULL;
		return -1;
	case OPTION_CHECK:
		arguments->check = true;
		return -1;
	case OPTION_EXPLAIN:
		return parse_pid(optarg, &arguments->explain)
			       ? -1
			       : usage_error("--explain takes a PID", optarg);
	case OPTION_THREAD:
		return parse_pid(optarg, &arguments->thread)
			       ? -1
			       : usage_error("--thread takes a TID", optarg);
	case OPTION_ENGINE:
		arguments->mazed.engine = optarg;
		return maze_engine_check(optarg, &error) ? usage_error(error.text, NULL) : -1;
	case 'h':
		print_help();
		return EXIT_MAZED_OK;
	case 'V':
		puts("mazed " MAZE_VERSION);
		return EXIT_MAZED_OK;
	default:
		/* getopt has already printed the error. */
		fputs("See mazed --help.\n", stderr);
		return EXIT_MAZED_USAGE;
	}
}

static int parse(int argc, char **argv, struct arguments *arguments)
{
	struct option options[OPTIONS + 1] = { { 0 } };
	int option, status;
	size_t i;

	for (i = 0; i < OPTIONS; i++)
		options[i] = table[i].option;
	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		status = parse_option(option, arguments);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return usage_error("mazed takes only options", argv[optind]);
	if (arguments->check && arguments->explain)
		return usage_error("--check and --explain exclude each other", NULL);
	if (arguments->thread && !arguments->explain)
		return usage_error("--thread requires --explain", NULL);
	return -1;
}

static void print_failure(const struct maze_error *error)
{
	fputs("mazed: ", stderr);
	escape_write(stderr, error->text);
	fputc('\n', stderr);
}

/* Reads the section of the process's unit into `rules`, and prints what is wrong with it. */
static void read_unit(pid_t pid, struct rules *rules, struct unit_rules **ret_units)
{
	struct maze_error error = { "" };
	struct problems problems;

	problems_init(&problems);
	if (unit_lookup(pid, rules, ret_units, &problems, &error))
		print_failure(&error);
	problems_print(&problems, stderr);
	if (problems.errors)
		fputs("mazed: the section [X-Maze] of the unit is refused as a whole; the rules of "
		      "maze.conf apply\n",
		      stderr);
	problems_done(&problems);
}

static int explain(const struct arguments *arguments)
{
	struct maze_error error = { "" };
	struct unit_rules *units = NULL;
	struct rules *rules = NULL;
	struct problems problems;
	int err;

	problems_init(&problems);
	err = rules_load(arguments->mazed.shipped, arguments->mazed.config, &rules, &problems);
	if (err) {
		problems_print(&problems, stderr);
		fprintf(stderr, "mazed: the rules in %s are refused; see mazed --check\n",
			arguments->mazed.config);
	} else {
		read_unit(arguments->explain, rules, &units);
		err = explain_process(stdout, rules, arguments->explain, arguments->thread, &error);
		if (err)
			print_failure(&error);
	}
	problems_done(&problems);
	rules_free(rules);
	unit_rules_free(units);
	return err ? EXIT_MAZED_FAILED : EXIT_MAZED_OK;
}

static int run_mazed(int argc, char **argv)
{
	struct arguments arguments = { .mazed = { .shipped = MAZE_RULESDIR,
						  .config = CONFIG_DEFAULT } };
	struct maze_error error = { "" };
	int status = parse(argc, argv, &arguments);

	if (status >= 0)
		return status;
	if (arguments.check)
		return explain_check(stdout, arguments.mazed.shipped, arguments.mazed.config)
			       ? EXIT_MAZED_FAILED
			       : EXIT_MAZED_OK;
	if (arguments.explain)
		return explain(&arguments);
	status = mazed_run(&arguments.mazed, &error);
	if (status >= 0)
		return status;
	print_failure(&error);
	return EXIT_MAZED_FAILED;
}

int main(int argc, char **argv)
{
	standard_streams_reserve();
	return standard_output_close("mazed", run_mazed(argc, argv));
}
