/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `suggest` prints rules with limits that suit the streaks of this machine. */
#include "command.h"
#include "../lib/paths.h"
#include "../suggest/rule_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Parses a number between two others, without a unit. */
static int parse_number(const struct command *command, const char *option, const char *text,
			double least, double most, double *number)
{
	char *end;
	double value;

	if (!text)
		return 0;
	value = strtod(text, &end);
	if (end == text || *end || !(value >= least && value <= most))
		return usage_error(command, "invalid --%s \"%s\"; give a number from %g to %g",
				   option, text, least, most);
	*number = value;
	return 0;
}

int cmd_suggest(const struct command *command, struct options *options, int argc, char **argv)
{
	struct advice_settings settings = { .risk = 0.01, .min_days = 7, .min_processes = 50 };
	const char *path = options->from ? options->from : MAZE_STATE_DIR "/" MAZE_STREAKS_NAME;
	struct maze_error error = { "" };
	struct streaks_file *file;
	int status, err;

	(void)argc;
	(void)argv;
	status =
		parse_number(command, "risk", options->risk, 1e-6, ADVICE_RISK_MAX, &settings.risk);
	if (!status)
		status = parse_number(command, "min-days", options->min_days, 0, 3660,
				      &settings.min_days);
	if (!status)
		status = parse_number(command, "min-processes", options->min_processes, 0, 1e9,
				      &settings.min_processes);
	if (status)
		return status;
	err = streaks_file_load(path, &file, &error);
	if (err) {
		print_error(command, "%s: %s", path, error.text);
		return EXIT_MAZE_FAILED;
	}
	err = advice_check(file, &settings, &error);
	if (err)
		print_error(command, "%s: %s", path, error.text);
	else if ((err = rule_file_write(file, &settings, stdout)))
		print_error(command, "%s", strerror(-err));
	streaks_file_free(file);
	return err ? EXIT_MAZE_FAILED : EXIT_MAZE_OK;
}
