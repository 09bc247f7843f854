/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses the options of a command by its table. If the command takes a policy, the keys
 * of maze_policy_keys() are options too.
 */
#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../base/escape.h"

/* Enough for the options of one command, the keys of a policy, --help and the end. */
#define LONG_MAX 32
/* getopt_long(3) returns values from here on for long options. No character has them. */
#define VALUE_BASE 1000

/* Escapes the message, because it may quote an argument or an answer of mazed. */
static void write_sentence(const struct command *command, const char *format, va_list args)
{
	char *sentence;

	fprintf(stderr, "maze %s: ", command->name);
	if (vasprintf(&sentence, format, args) < 0)
		return;
	escape_write(stderr, sentence);
	free(sentence);
}

void print_error(const struct command *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_sentence(command, format, args);
	fputc('\n', stderr);
	va_end(args);
}

int usage_error(const struct command *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_sentence(command, format, args);
	fprintf(stderr, "; see maze %s --help\n", command->name);
	va_end(args);
	return EXIT_MAZE_USAGE;
}

/* `inherit` is a key of maze.conf(5) only. The option for it is --no-inherit. */
static bool is_option(const struct maze_policy_key *key)
{
	return strcmp(key->name, "inherit") != 0;
}

static int build(const struct command *command, struct option *longs)
{
	const struct command_option *own = command->options;
	const struct maze_policy_key *key;
	int n = 0;

	for (; own && own->name && n < LONG_MAX - 2; own++, n++)
		longs[n] =
			(struct option){ own->name, own->argument ? required_argument : no_argument,
					 NULL, VALUE_BASE + n };
	for (key = maze_policy_keys(); command->takes_policy && key->name && n < LONG_MAX - 2;
	     key++) {
		if (!is_option(key))
			continue;
		longs[n] =
			(struct option){ key->name, key->argument ? required_argument : no_argument,
					 NULL, VALUE_BASE + n };
		n++;
	}
	longs[n] = (struct option){ "help", no_argument, NULL, 'h' };
	longs[n + 1] = (struct option){ NULL, 0, NULL, 0 };
	return n;
}

static int parse_id(const struct command *command, const char *what, const char *text,
		    pid_t *ret_id)
{
	char *end;
	long id;

	errno = 0;
	id = strtol(text, &end, 10);
	if (errno || *end || end == text || id <= 0 || id > 0x3fffffff)
		return usage_error(command, "invalid %s \"%s\"", what, text);
	*ret_id = (pid_t)id;
	return 0;
}

/* Returns 0, or the exit status of a usage error. */
static int apply(const struct command *command, struct options *options, const char *name,
		 const char *value)
{
	const struct command_option *own = command->options;
	struct maze_error error = { "" };
	void *member;

	while (own && own->name && strcmp(own->name, name))
		own++;
	if (!own || !own->name) {
		options->yield_given |= !strcmp(name, "yield");
		options->soft_given |= !strcmp(name, "soft");
		options->hard_given |= !strcmp(name, "hard");
		if (maze_policy_set(&options->policy, name, value, &error))
			return usage_error(command, "--%s: %s", name, error.text);
		return 0;
	}
	member = (char *)options + own->offset;
	if (member == &options->thread)
		return parse_id(command, "thread ID", value, member);
	if (own->argument)
		*(const char **)member = value;
	else
		*(bool *)member = true;
	return 0;
}

static int report_bad_option(const struct command *command, const struct option *longs, int missing,
			     char *word)
{
	const struct option *option;

	if (!missing)
		return usage_error(command, "unknown option %s", word);
	/* optopt(3) is the value of the option that lacks its argument. */
	for (option = longs; option->name; option++)
		if (option->val == optopt)
			return usage_error(command, "--%s needs a value", option->name);
	return usage_error(command, "%s needs a value", word);
}

int options_parse(const struct command *command, int argc, char **argv, struct options *options,
		  int *ret_first)
{
	struct option longs[LONG_MAX];
	struct maze_error error = { "" };
	int value, status;

	build(command, longs);
	opterr = 0;
	optind = 1;
	for (;;) {
		/* '+' stops the parsing at the first argument, which maze run needs. */
		value = getopt_long(argc, argv, "+:h", longs, NULL);
		if (value == -1)
			break;
		if (value == 'h') {
			help_command(command);
			return EXIT_MAZE_OK;
		}
		if (value == '?' || value == ':')
			return report_bad_option(command, longs, value == ':', argv[optind - 1]);
		status = apply(command, options, longs[value - VALUE_BASE].name, optarg);
		if (status)
			return status;
	}
	if (maze_engine_check(options->engine, &error))
		return usage_error(command, "--engine: %s", error.text);
	if (options->socket && (options->direct || strcmp(options->engine, "auto") != 0))
		return usage_error(command, "--socket uses mazed; --direct and --engine do not: "
					    "choose one");
	maze_policy_derive_limit(&options->policy, options->soft_given, options->hard_given);
	if (command->takes_policy && maze_policy_explain(&options->policy, &error))
		return usage_error(command, "%s", error.text);
	*ret_first = optind;
	return -1;
}

int targets_parse(const struct command *command, const struct options *options, int argc,
		  char **argv, pid_t **ret_pids, int *ret_count)
{
	struct maze_error error = { "" };
	int i, status = 0;
	pid_t *pids;

	if (!argc == !options->thread)
		return usage_error(command,
				   "no process given to %s: give PIDs, or one thread with --thread",
				   command->name);
	pids = calloc((size_t)argc + 1, sizeof(*pids));
	if (!pids)
		return EXIT_MAZE_FAILED;
	for (i = 0; i < argc && !status; i++)
		status = parse_id(command, "PID", argv[i], &pids[i]);
	if (!status && options->thread && maze_thread_owner(options->thread, &pids[0], &error)) {
		print_error(command, "%s", error.text);
		status = EXIT_MAZE_FAILED;
	}
	if (status) {
		free(pids);
		return status;
	}
	*ret_pids = pids;
	*ret_count = options->thread ? 1 : argc;
	return 0;
}
