/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses the options of a command by its table. If the command takes a policy, the keys
 * of maze_policy_keys() are options too.
 */
#include "command.h"
#include "similar_name.h"
#include "terminal.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/escape.h"

/* Enough for the options of one command, the keys of a policy, --help and the end. */
#define LONG_MAX 32
/* getopt_long(3) returns values from here on for long options. No character has them. */
#define VALUE_BASE 1000

static void print_sentence(const struct command *command, const char *sentence)
{
	char prefix[64], *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return;
	/* Escape the message, because it may quote an argument or an answer of mazed. */
	escape_write(stream, sentence);
	fclose(stream);
	snprintf(prefix, sizeof(prefix), "maze%s%s: ", command ? " " : "",
		 command ? command->name : "");
	terminal_print(stderr, terminal_columns(STDERR_FILENO), prefix, text);
	free(text);
}

void print_error(const struct command *command, const char *format, ...)
{
	char *sentence;
	va_list args;

	va_start(args, format);
	if (vasprintf(&sentence, format, args) >= 0) {
		print_sentence(command, sentence);
		free(sentence);
	}
	va_end(args);
}

int usage_error(const struct command *command, const char *format, ...)
{
	char *sentence;
	va_list args;

	va_start(args, format);
	if (vasprintf(&sentence, format, args) >= 0) {
		print_error(command, "%s; see maze %s --help", sentence, command->name);
		free(sentence);
	}
	va_end(args);
	return EXIT_MAZE_USAGE;
}

/* `inherit` is a key of maze.conf(5) only. The option for it is --no-inherit. */
static bool is_option(const struct maze_policy_key *key)
{
	return strcmp(key->name, "inherit") != 0;
}

bool command_option(const struct command *command, size_t index, struct command_option *ret_option)
{
	const struct command_option *own = command->options;
	const struct maze_policy_key *key = maze_policy_keys();

	for (; own && own->name; own++) {
		if (!index--) {
			*ret_option = *own;
			return true;
		}
	}
	for (; command->takes_policy && key->name; key++) {
		if (is_option(key) && !index--) {
			*ret_option = (struct command_option){ key->name, key->argument, key->help,
							       OPTION_POLICY };
			return true;
		}
	}
	*ret_option = (struct command_option){ "help", NULL, "print this text", OPTION_HELP };
	return !index;
}

bool command_executes(const struct command *command)
{
	return !strncmp(command->arguments, "-- ", 3);
}

static void build(const struct command *command, struct option longs[LONG_MAX])
{
	struct command_option option;
	int n;

	for (n = 0; n < LONG_MAX - 1 && command_option(command, (size_t)n, &option); n++)
		longs[n] = (struct option){ option.name,
					    option.argument ? required_argument : no_argument, NULL,
					    VALUE_BASE + n };
	longs[n] = (struct option){ NULL, 0, NULL, 0 };
}

int id_parse(const struct command *command, const char *what, const char *text, pid_t *ret_id)
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
static int apply(const struct command *command, struct options *options,
		 const struct command_option *option, const char *value)
{
	struct maze_error error = { "" };
	void *member;

	if (option->offset == OPTION_POLICY) {
		options->given |= maze_policy_given(option->name);
		/* A bit of `given` for each row. */
		options->policy_values[__builtin_ctz(maze_policy_given(option->name))] = value;
		if (maze_policy_set(&options->policy, option->name, value, &error))
			return usage_error(command, "--%s: %s", option->name, error.text);
		return 0;
	}
	member = (char *)options + option->offset;
	if (member == &options->thread)
		return id_parse(command, "thread ID", value, member);
	if (option->argument)
		*(const char **)member = value;
	else
		*(bool *)member = true;
	return 0;
}

static int report_unknown_option(const struct command *command, char *word)
{
	struct similar_name similar = { .word = word + strspn(word, "-") };
	struct command_option option;
	size_t i;

	word[strcspn(word, "=")] = '\0';
	for (i = 0; command_option(command, i, &option); i++)
		similar_name_consider(&similar, option.name);
	if (!similar.name)
		return usage_error(command, "unknown option %s", word);
	print_error(command, "unknown option %s; did you mean --%s?", word, similar.name);
	return EXIT_MAZE_USAGE;
}

/* optopt(3) is the value of the option, the character of an unknown one, or else 0. */
static int report_bad_option(const struct command *command, bool missing, char *word)
{
	struct command_option option;

	if (optopt >= VALUE_BASE && command_option(command, (size_t)(optopt - VALUE_BASE), &option))
		return usage_error(command, "--%s %s", option.name,
				   missing ? "needs a value" : "takes no value");
	if (optopt)
		return usage_error(command, "unknown option -%c", optopt);
	return report_unknown_option(command, word);
}

int options_parse(const struct command *command, int argc, char **argv, struct options *options,
		  int *ret_first)
{
	/* '+' stops the parsing at the first argument. */
	const char *shorts = command_executes(command) ? "+:h" : ":h";
	struct command_option option;
	struct option longs[LONG_MAX];
	struct maze_error error = { "" };
	int value, status;

	build(command, longs);
	opterr = 0;
	optind = 1;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (value == '?' || value == ':')
			return report_bad_option(command, value == ':', argv[optind - 1]);
		if (value == 'h' ||
		    (command_option(command, (size_t)(value - VALUE_BASE), &option) &&
		     option.offset == OPTION_HELP)) {
			help_command(command);
			return EXIT_MAZE_OK;
		}
		status = apply(command, options, &option, optarg);
		if (status)
			return status;
	}
	if (maze_engine_check(options->engine, &error))
		return usage_error(command, "--engine: %s", error.text);
	if (options->socket && (options->direct || strcmp(options->engine, "auto") != 0))
		return usage_error(command, "--socket uses mazed; --direct and --engine do not: "
					    "choose one");
	if (command->takes_policy && maze_policy_complete(&options->policy, options->given, &error))
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
		status = id_parse(command, "PID", argv[i], &pids[i]);
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
