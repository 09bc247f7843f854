/* SPDX-License-Identifier: GPL-2.0-only */
/* maze(1): the table of subcommands. Each subcommand is in the file of its name. */
#include "command.h"

#include <string.h>

#define AT(member) offsetof(struct options, member)
#define ENGINE "engine", "NAME", "auto, bpf, kmod or poll (auto)", AT(engine)
#define JSON(what) "json", NULL, "print " what " as JSON", AT(json)
#define SOCKET "socket", "PATH", "socket of mazed (/run/maze/control.sock)", AT(socket)
#define DIRECT "direct", NULL, "use the engine, even if mazed runs", AT(direct)
#define INCIDENTS                                                                                  \
	"incidents", "DIR", "directory of the incidents (/var/lib/maze/incidents)", AT(incidents)

static const struct command_option run_options[] = {
	{ ENGINE },
	{ JSON("records") },
	{ "events", "FILE", "append the records to FILE too, as JSON lines", AT(events) },
	{ "all", NULL, "also record when a watch begins and ends", AT(all) },
	{ "stay", NULL, "stay until all watched processes of COMMAND have ended", AT(stay) },
	{ "incidents", "DIR", "write an incident into DIR for each episode", AT(incidents) },
	{ "no-unwind", NULL, "with --incidents: no stack unwind by debug information",
	  AT(no_unwind) },
	{ 0 },
};

static const struct command_option watch_options[] = {
	{ ENGINE },
	{ "wait", NULL, "stay until the processes have ended, and print records", AT(wait) },
	{ "json", NULL, "with --wait: print records as JSON", AT(json) },
	{ "events", "FILE", "with --wait: append the records to FILE too, as JSON lines",
	  AT(events) },
	{ "all", NULL, "with --wait: also record when a watch begins and ends", AT(all) },
	{ "thread", "TID", "watch only this thread; without PID", AT(thread) },
	{ SOCKET },
	{ DIRECT },
	{ 0 },
};

static const struct command_option unwatch_options[] = {
	{ ENGINE },
	{ "thread", "TID", "end the watch of this thread only; without PID", AT(thread) },
	{ SOCKET },
	{ DIRECT },
	{ 0 },
};

static const struct command_option list_options[] = {
	{ ENGINE }, { JSON("the list") }, { SOCKET }, { DIRECT }, { 0 },
};

static const struct command_option events_options[] = {
	{ ENGINE },	     { "follow", NULL, "continue with new records", AT(follow) },
	{ JSON("records") }, { SOCKET },
	{ DIRECT },	     { 0 },
};

static const struct command_option thaw_options[] = {
	{ "cgroup", "PATH", "the control group with this path, from /", AT(cgroup) },
	{ "all", NULL, "all control groups that mazed has frozen", AT(all) },
	{ SOCKET },
	{ 0 },
};

static const struct command_option incidents_options[] = {
	{ INCIDENTS },
	{ JSON("the list") },
	{ 0 },
};

static const struct command_option report_options[] = {
	{ INCIDENTS },
	{ "html", NULL, "print an HTML page with a flame graph and a timeline", AT(html) },
	{ "folded", NULL, "print folded stacks, for flame graph tools", AT(folded) },
	{ JSON("the incident") },
	{ 0 },
};

static const struct command_option doctor_options[] = { { JSON("the results") }, { 0 } };

static const struct command_option load_options[] = { { ENGINE }, { 0 } };

static const struct command commands[] = {
	{ "run", "-- COMMAND [ARG...]", "run a command and watch it",
	  "Runs COMMAND and watches it, and all that it starts, from its first instruction on.\n"
	  "Soft and hard verdicts, and losses of records, are printed on standard error. The\n"
	  "terminal and signals reach COMMAND as without maze.\n"
	  "\n"
	  "The exit status is that of COMMAND, 128+N if signal N ended COMMAND, 125 if maze\n"
	  "failed, 126 if COMMAND cannot be executed, 127 if COMMAND is not found, or 2 after\n"
	  "a usage error.\n"
	  "\n"
	  "maze uses the pinned engine if one is loaded (see maze watch), else a private one that\n"
	  "ends with maze. If SIGKILL ends maze, COMMAND continues: still watched with a pinned\n"
	  "engine, no longer watched with a private one.\n"
	  "\n"
	  "When COMMAND ends, watched processes that still run are listed on standard error. A\n"
	  "pinned engine continues to watch them, a private one does not. With --stay, maze\n"
	  "continues until all of them have ended, or until it gets SIGTERM, SIGHUP, SIGINT or\n"
	  "SIGQUIT.",
	  true, run_options, cmd_run, false },
	{ "watch", "PID... | --thread TID", "watch running processes",
	  "Watches each process PID, with all its threads and all that they start from now on,\n"
	  "and returns. If a process is watched already, it gets the new policy and a count of\n"
	  "0. PID 1, kernel threads, maze itself, and processes that you may not signal are\n"
	  "refused.\n"
	  "\n"
	  "If mazed runs, mazed begins the watch, also for users who may not load an engine.\n"
	  "Else maze loads the engine and pins it at /sys/fs/bpf/maze, until maze unload.\n"
	  "\n"
	  "On kernels that refuse the cheapest probe of sched_yield, a small process (maze\n"
	  "service) stays in the background and attaches another probe when one is needed.\n"
	  "\n"
	  "With --wait, maze stays, prints soft and hard verdicts until all given processes have\n"
	  "ended, and then ends its watches. This works with every engine.",
	  true, watch_options, cmd_watch, false },
	{ "unwatch", "PID... | --thread TID", "end watches",
	  "Ends the watches of all threads of each process PID. Processes that it has started\n"
	  "stay watched.",
	  false, unwatch_options, cmd_unwatch, false },
	{ "list", "", "list watched threads",
	  "Lists each watched thread with its count, the CPU time since its last sleep. The\n"
	  "count is as of the last context switch or tick.",
	  false, list_options, cmd_list, false },
	{ "events", "", "print records",
	  "Prints the records that the pinned engine keeps, the oldest first: the last 4096\n"
	  "verdicts, and the last 4096 beginnings and ends of watches. Records stay available to\n"
	  "other readers.",
	  false, events_options, cmd_events, false },
	{ "thaw", "PID... | --cgroup PATH | --all", "thaw frozen control groups",
	  "Thaws control groups that mazed has frozen by a rule: those of the given processes, "
	  "the\n"
	  "one with the given path, or all. For root, while mazed runs.",
	  false, thaw_options, cmd_thaw, false },
	{ "incidents", "", "list incidents",
	  "Lists the incidents that mazed, or maze run --incidents, has written: one line for "
	  "each\n"
	  "episode with a verdict, the newest last. HOTTEST is the function of the program with\n"
	  "the most samples; a sample in the kernel counts for the function that called the\n"
	  "kernel. An unreadable file is reported on standard error, and the exit status is\n"
	  "then 1.",
	  false, incidents_options, cmd_incidents, false },
	{ "report", "ID | last", "show an incident",
	  "Shows an incident: which thread reached its limit, since when and how long it ran,\n"
	  "in which function, and which signals and actions followed. ID is as maze incidents\n"
	  "prints it, or a unique beginning or end of it; \"last\" is the newest incident.\n"
	  "\n"
	  "  maze report --html last > report.html",
	  false, report_options, cmd_report, false },
	{ "doctor", "", "show which engines can run here",
	  "Shows for each engine whether this user can run it on this machine, the reason if\n"
	  "not, and its limitations here. Changes nothing. The exit status is 0 if an\n"
	  "engine can run, else 1.",
	  false, doctor_options, cmd_doctor, false },
	{ "load", "", "load and pin the engine",
	  "Loads the engine into the kernel and pins it, as maze watch does, but watches nothing.\n"
	  "It stays until maze unload. Users with fewer privileges can use it then.",
	  false, load_options, cmd_load, false },
	{ "unload", "", "unload the pinned engine",
	  "Ends all watches of the pinned engine and removes it from the kernel.", false, NULL,
	  cmd_unload, false },
	{ "service", "", "run the yield probe of the pinned engine", "", false, NULL, cmd_service,
	  true },
	{ 0 },
};

/* More than the longest name of a command. */
#define NAME_LEN_MAX 16

/* The Levenshtein distance between a word and the name of a command. */
static size_t distance(const char *word, const char *name)
{
	size_t row[NAME_LEN_MAX], length = strlen(name), i, j, diagonal, above;

	for (j = 0; j <= length; j++)
		row[j] = j;
	for (i = 1; word[i - 1]; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= length; j++) {
			above = row[j];
			row[j] = diagonal + (word[i - 1] != name[j - 1]);
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diagonal = above;
		}
	}
	return row[length];
}

/* NULL after an error message. */
static const struct command *find_command(const char *name)
{
	/*
	 * Suggests a name that differs in one character, or in two if the word is longer.
	 */
	size_t best = strlen(name) > 3 ? 3 : 2, d;
	const struct command *command, *similar = NULL;

	/* The old name, until 1.0. */
	if (!strcmp(name, "attend"))
		name = "service";
	for (command = commands; command->name; command++) {
		if (!strcmp(command->name, name))
			return command;
		d = command->hidden ? best : distance(name, command->name);
		if (d < best) {
			best = d;
			similar = command;
		}
	}
	fprintf(stderr, "maze: unknown command \"%s\"", name);
	if (similar)
		fprintf(stderr, "; did you mean \"%s\"?\n", similar->name);
	else
		fputs("; see maze --help\n", stderr);
	return NULL;
}

int main(int argc, char **argv)
{
	struct options options = { .engine = "auto" };
	const struct command *command;
	int first, status;
	bool help;

	if (argc < 2) {
		fputs("maze: no command given; see maze --help\n", stderr);
		return EXIT_MAZE_USAGE;
	}
	help = !strcmp(argv[1], "help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || (help && argc == 2)) {
		help_overview(commands);
		return EXIT_MAZE_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("maze " MAZE_VERSION);
		return EXIT_MAZE_OK;
	}
	command = find_command(argv[help ? 2 : 1]);
	if (!command)
		return EXIT_MAZE_USAGE;
	if (help) {
		help_command(command);
		return EXIT_MAZE_OK;
	}
	maze_policy_default(&options.policy);
	status = options_parse(command, argc - 1, argv + 1, &options, &first);
	if (status >= 0)
		return status;
	argc -= first + 1;
	argv += first + 1;
	if (argc && !command->arguments[0])
		return usage_error(command, "unexpected argument \"%s\"", argv[0]);
	return command->run(command, &options, argc, argv);
}
