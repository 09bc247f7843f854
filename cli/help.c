/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints --help from the tables with which options.c parses a command line. */
#include "command.h"

#include <string.h>

static void print_option(const char *name, const char *argument, const char *help)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", name, argument ? " " : "",
		 argument ? argument : "");
	printf("  %-26s  %s\n", left, help);
}

void help_command(const struct command *command)
{
	const struct command_option *own;
	const struct maze_policy_key *key;

	printf("maze %s: %s\n\nUsage: maze %s %s%s%s\n\n%s\n", command->name, command->summary,
	       command->name, command->takes_policy ? "[policy] [options]" : "[options]",
	       command->arguments[0] ? " " : "", command->arguments, command->details);
	if (command->takes_policy) {
		puts("\nPolicy:");
		for (key = maze_policy_keys(); key->name; key++)
			if (strcmp(key->name, "inherit"))
				print_option(key->name, key->argument, key->help);
	}
	puts("\nOptions:");
	for (own = command->options; own && own->name; own++)
		print_option(own->name, own->argument, own->help);
	print_option("help", NULL, "print this text");
	if (command->takes_policy)
		puts("\nDurations are written as in systemd.time(7): 500ms, 10s, \"1min 30s\".");
	puts("\nSee maze(1).");
}

void help_overview(const struct command *commands)
{
	const struct command *command;

	puts("maze: catches processes that use CPU time without sleeping\n\n"
	     "Usage: maze COMMAND [OPTION...] [ARGUMENT...]\n");
	for (command = commands; command->name; command++)
		if (!command->hidden)
			printf("  %-10s %s\n", command->name, command->summary);
	puts("\n\"maze COMMAND --help\" describes a command; \"maze --version\" prints the "
	     "version.\n"
	     "Exit status: 0 success, 1 failure, 2 usage error. maze run returns the exit status\n"
	     "of its command.");
}
