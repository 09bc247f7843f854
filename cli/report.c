/* SPDX-License-Identifier: GPL-2.0-only */
/* The subcommand `report` prints one incident in one of its formats. */
#include "command.h"
#include "terminal.h"
#include "report/incident_dir.h"
#include "report/incident_file.h"
#include "report/incident_group.h"
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int show(const struct options *options, const struct incident *incident,
		const struct stacks *stacks)
{
	struct shown_terminal terminal;
	bool bold;

	if (options->json)
		return incident_write_json(incident, isatty(STDOUT_FILENO), stdout);
	if (options->folded)
		return report_folded(stacks, stdout);
	if (options->html)
		return report_html(incident, stacks, stdout);
	if (options->pprof)
		return report_pprof(incident, stacks, stdout);
	if (options->speedscope)
		return report_speedscope(incident, stacks, stdout);
	if (options->trace)
		return report_trace(incident, stdout);
	terminal_query(&terminal, &bold);
	return report_text(incident, stacks, &terminal, bold, stdout);
}

int check_formats(const struct command *command, const struct options *options)
{
	if (options->json + options->folded + options->html + options->pprof + options->speedscope +
		    options->trace >
	    1)
		return usage_error(command,
				   command->run == cmd_why
					   ? "--html, --folded and --json exclude each other"
					   : "--html, --folded, --pprof, --speedscope, --trace "
					     "and --json exclude each other");
	if ((options->pprof || options->trace) && isatty(STDOUT_FILENO))
		return usage_error(command, "--%s writes binary data; redirect it to a file",
				   options->pprof ? "pprof" : "trace");
	return 0;
}

int print_incident(const struct command *command, const struct options *options,
		   const struct incident *incident)
{
	struct stacks *stacks = NULL;
	int err = options->folded && !incident->samples_count && incident->unwound.count
			  ? stacks_of_unwound(incident, &stacks)
			  : stacks_make(incident, &stacks);

	if (!err)
		err = show(options, incident, stacks);
	/* standard_output_close() reports a failed write. */
	if (err && !ferror(stdout))
		print_error(command, "%s", strerror(-err));
	else if (!err && (options->folded || options->pprof || options->speedscope) &&
		 !stacks->samples)
		print_error(command, "%s%s has no samples", incident->is_look ? "" : "incident ",
			    incident->is_look ? "the thread" : incident->id);
	if (!err && options->trace && !incident->runs_count) {
		print_error(command, "incident %s has no schedule", incident->id);
		err = -ENODATA;
	}
	stacks_free(stacks);
	return err ? EXIT_MAZE_FAILED : EXIT_MAZE_OK;
}

int cmd_report(const struct command *command, struct options *options, int argc, char **argv)
{
	const char *path = options->incidents ? options->incidents : MAZE_INCIDENT_DIR, *id;
	struct maze_error error = { "" };
	struct incident *incident;
	struct incident_dir dir;
	int err, status;

	if (argc != 1)
		return usage_error(command,
				   "no incident given: give its ID, or last for the newest "
				   "one");
	status = check_formats(command, options);
	if (status)
		return status;
	err = incident_dir_open(path, &dir, &error);
	if (err) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	err = incident_dir_find(&dir, argv[0], &id, &error);
	if (!err)
		err = incident_dir_load(&dir, id, &incident, &error);
	if (!err) {
		incident_group_note_end(&dir, incident, id);
		incident_dir_note_repeats(&dir, incident, id);
	}
	incident_dir_close(&dir);
	if (err) {
		print_error(command, "%s", error.text);
		return EXIT_MAZE_FAILED;
	}
	status = print_incident(command, options, incident);
	incident_free(incident);
	return status;
}
