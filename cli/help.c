/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints --help from the tables with which options.c parses a command line. */
#include "command.h"
#include "terminal.h"

#include <unistd.h>

/* Help is not wider on a wider terminal, because long lines are hard to read. */
#define WIDTH_MAX 80

static void print(const char *prefix, const char *text)
{
	size_t width = terminal_columns(STDOUT_FILENO);

	terminal_print(stdout, width && width < WIDTH_MAX ? width : WIDTH_MAX, prefix, text);
}

static void print_options(const struct command *command, bool policy)
{
	struct command_option option;
	char name[64], left[80];
	size_t i;

	for (i = 0; command_option(command, i, &option); i++) {
		if ((option.offset == OPTION_POLICY) != policy)
			continue;
		snprintf(name, sizeof(name), "--%s%s%s", option.name, option.argument ? " " : "",
			 option.argument ? option.argument : "");
		snprintf(left, sizeof(left), "  %-27s  ", name);
		print(left, option.help);
	}
}

void help_command(const struct command *command)
{
	printf("maze %s: %s\n\nUsage: maze %s %s%s%s\n\n", command->name, command->summary,
	       command->name, command->takes_policy ? "[policy] [options]" : "[options]",
	       command->arguments[0] ? " " : "", command->arguments);
	if (command->details[0]) {
		print("", command->details);
		putchar('\n');
	}
	if (command->takes_policy) {
		puts("Policy:");
		print_options(command, true);
		putchar('\n');
	}
	puts("Options:");
	print_options(command, false);
	if (command->takes_policy)
		print("",
		      "\nDurations are written as in systemd.time(7): 500ms, 10s, \"1min 30s\".");
	print("", "\nSee maze(1).");
}

void help_overview(void)
{
	const struct command *command;
	char left[32];
	size_t i;

	puts("maze: catches processes that use CPU time without sleeping\n\n"
	     "Usage: maze COMMAND [OPTION...] [ARGUMENT...]\n");
	for (i = 0; (command = command_at(i)); i++) {
		if (command->hidden)
			continue;
		snprintf(left, sizeof(left), "  %-10s ", command->name);
		print(left, command->summary);
	}
	print("", "\n\"maze COMMAND --help\" describes a command; \"maze --version\" prints the "
		  "version.\n"
		  "Exit status: 0 success, 1 failure, 2 usage error. maze run returns the exit "
		  "status of its command.");
}
