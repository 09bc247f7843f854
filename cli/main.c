/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze(1): the table of subcommands. What each does is in the file of its name.
 */
#include "command.h"

#include <string.h>

#define ENGINE_OPTION                                                                              \
	{                                                                                          \
		"engine", "NAME", "auto (default), bpf, kmod or poll"                              \
	}
#define JSON_OPTION(what)                                                                          \
	{                                                                                          \
		"json", NULL, what " as JSON"                                                      \
	}

#define SOCKET_OPTION                                                                              \
	{                                                                                          \
		"socket", "PATH", "where mazed listens (/run/maze/control.sock)"                   \
	}
#define DIRECT_OPTION                                                                              \
	{                                                                                          \
		"direct", NULL, "ask the engine itself, also where a mazed runs"                   \
	}

static const struct command_option run_options[] = {
	ENGINE_OPTION,
	JSON_OPTION("records"),
	{ "events", "FILE", "append the records to FILE too, as JSON lines" },
	{ "all", NULL, "also record when a watch begins and ends" },
	{ "stay", NULL, "stay until all watched processes of COMMAND have ended" },
	{ "incidents", "DIR", "keep in DIR where each caught thread was; see maze report" },
	{ "no-unwind", NULL, "with --incidents: no DWARF unwind of the caught thread" },
	{ NULL, NULL, NULL },
};

static const struct command_option watch_options[] = {
	ENGINE_OPTION,
	{ "wait", NULL, "stay until the processes have ended, and print records" },
	JSON_OPTION("with --wait: records"),
	{ "events", "FILE", "with --wait: append the records to FILE too, as JSON lines" },
	{ "all", NULL, "with --wait: also record when a watch begins and ends" },
	{ "thread", "TID", "watch only this thread (then no PID is given)" },
	SOCKET_OPTION,
	DIRECT_OPTION,
	{ NULL, NULL, NULL },
};

static const struct command_option unwatch_options[] = {
	ENGINE_OPTION,
	{ "thread", "TID", "unwatch only this thread (then no PID is given)" },
	SOCKET_OPTION,
	DIRECT_OPTION,
	{ NULL, NULL, NULL },
};

static const struct command_option list_options[] = {
	ENGINE_OPTION, JSON_OPTION("the list"), SOCKET_OPTION, DIRECT_OPTION, { NULL, NULL, NULL },
};

static const struct command_option events_options[] = {
	ENGINE_OPTION,		{ "follow", NULL, "go on printing records as they come" },
	JSON_OPTION("records"), SOCKET_OPTION,
	DIRECT_OPTION,		{ NULL, NULL, NULL },
};

static const struct command_option thaw_options[] = {
	{ "cgroup", "PATH", "the control group of that name, from /" },
	{ "all", NULL, "all that mazed has frozen" },
	SOCKET_OPTION,
	{ NULL, NULL, NULL },
};

#define INCIDENTS_OPTION                                                                           \
	{                                                                                          \
		"incidents", "DIR", "where they are (/var/lib/maze/incidents)"                     \
	}

static const struct command_option incidents_options[] = {
	INCIDENTS_OPTION,
	JSON_OPTION("the list"),
	{ NULL, NULL, NULL },
};

static const struct command_option report_options[] = {
	INCIDENTS_OPTION,
	{ "html", NULL, "one HTML file, with a flame graph and a timeline" },
	{ "folded", NULL, "folded stacks, for other tools that draw flame graphs" },
	JSON_OPTION("the incident as it was written,"),
	{ NULL, NULL, NULL },
};

static const struct command_option doctor_options[] = {
	JSON_OPTION("the answers"),
	{ NULL, NULL, NULL },
};

static const struct command_option load_options[] = {
	ENGINE_OPTION,
	{ NULL, NULL, NULL },
};

static const struct command commands[] = {
	{ "run", "-- COMMAND [ARG...]", "run a command under watch",
	  "Runs COMMAND, watched from before its first instruction, with all it starts, and\n"
	  "ends as it did: with its exit status, 128+N when it died of signal N, 125 when\n"
	  "maze itself failed, 126 when COMMAND cannot be executed, 127 when it is not found\n"
	  "(2: the options were wrong and nothing was run). The terminal and signals are\n"
	  "passed through. Soft and hard verdicts, and losses of records, are printed on\n"
	  "standard error.\n"
	  "\n"
	  "If an engine is pinned (see maze watch), it is used; else one is loaded that goes\n"
	  "away with maze. If maze is killed with SIGKILL, nothing of it stays behind, and\n"
	  "COMMAND runs on: unwatched, or still watched if the engine is pinned.\n"
	  "\n"
	  "What COMMAND has started and still runs when it ends is named on standard error. It\n"
	  "is no longer watched then, or still watched if the engine is pinned. With --stay,\n"
	  "maze goes on watching until all of it has ended, or until SIGTERM, SIGHUP, SIGINT\n"
	  "or SIGQUIT comes to maze.",
	  true, run_options, cmd_run, false },
	{ "watch", "PID... | --thread TID", "watch running processes",
	  "Watches each process PID, all its threads and what they start, from now on, and\n"
	  "returns. Where mazed runs, it is asked, and anybody may watch what is his own.\n"
	  "Needs no daemon else: the engine is loaded into the kernel if it is not there\n"
	  "yet, pinned at /sys/fs/bpf/maze, and stays until maze unload. A process that is\n"
	  "watched already gets the new policy and starts at 0. Refused: PID 1, kernel\n"
	  "threads, maze itself, and processes you may not signal.\n"
	  "\n"
	  "Where the kernel refuses the cheapest way to see sched_yield, a small process\n"
	  "(maze attend) stays behind that sees to it; enforcement does not depend on it.\n"
	  "\n"
	  "With --wait it stays instead, prints soft and hard verdicts until every process\n"
	  "named has ended, and takes its watches with it. That works with every engine,\n"
	  "also with those that leave nothing in the kernel.",
	  true, watch_options, cmd_watch, false },
	{ "unwatch", "PID... | --thread TID", "end watches",
	  "Ends the watch of each process PID with all its threads. What those have started\n"
	  "since stays watched.",
	  false, unwatch_options, cmd_unwatch, false },
	{ "list", "", "show what is watched",
	  "Shows every watched thread with its count: the CPU time it has used since it last\n"
	  "slept, as of its last context switch or tick.",
	  false, list_options, cmd_list, false },
	{ "events", "", "show what happened",
	  "Prints the records that the pinned engine has kept (the last 4096 verdicts and the\n"
	  "last 4096 beginnings and ends of watches), oldest first. Reading takes nothing away\n"
	  "from other readers.",
	  false, events_options, cmd_events, false },
	{ "thaw", "PID... | --cgroup PATH | --all", "let run again what mazed has frozen",
	  "Lets run again the control groups that mazed has frozen because a rule says so, named\n"
	  "by a process in them, by their path, or all of them. For root, and where mazed runs.",
	  false, thaw_options, cmd_thaw, false },
	{ "incidents", "", "list what was caught, with where it was stuck",
	  "Shows one line for each incident that mazed, or maze run with --incidents, has kept:\n"
	  "a thread that reached a limit, and the evidence of where it was then. Newest last.\n"
	  "HOTTEST is the function of the program that most samples were in, or in what it called\n"
	  "of the kernel. A file that cannot be read is named on standard error, and the exit\n"
	  "status is 1.",
	  false, incidents_options, cmd_incidents, false },
	{ "report", "ID | last", "say of one incident where the loop was",
	  "Shows an incident: what spun, since when and for how long, in which function, and what\n"
	  "was done about it. The ID is that of maze incidents, its beginning or its end where\n"
	  "that is enough, or last for the newest.\n"
	  "\n"
	  "  maze report --html last > report.html",
	  false, report_options, cmd_report, false },
	{ "doctor", "", "say what can run here",
	  "Says of each engine whether it can run on this machine, as this user, and if not,\n"
	  "why and what would help; and what it cannot see here. Changes nothing.\n"
	  "Exit status 0 when some engine can run, else 1.",
	  false, doctor_options, cmd_doctor, false },
	{ "load", "", "load the engine, and watch nothing yet",
	  "Loads the engine into the kernel and pins it, as maze watch does where that has not\n"
	  "been done; it stays until maze unload. For who may do more than those who are to\n"
	  "use it.",
	  false, load_options, cmd_load, false },
	{ "unload", "", "drop everything that is pinned",
	  "Ends all watches of the pinned engine and removes it from the kernel.", false, NULL,
	  cmd_unload, false },
	{ "attend", "", "attend to the pinned engine's yield probe", "", false, NULL, cmd_service,
	  true },
	{ NULL, NULL, NULL, NULL, false, NULL, NULL, false },
};

static const struct command *find_command(const char *name)
{
	const struct command *command;

	for (command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

int main(int argc, char **argv)
{
	struct options options = { .engine = "auto" };
	const struct command *command;
	int first, status;

	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
			  (!strcmp(argv[1], "help") && argc == 2))) {
		help_overview(commands);
		return EXIT_MAZE_OK;
	}
	if (argc >= 2 && !strcmp(argv[1], "--version")) {
		puts("maze " MAZE_VERSION);
		return EXIT_MAZE_OK;
	}
	if (argc < 2) {
		fputs("maze: say what to do: run, watch, unwatch, list, events, thaw, "
		      "incidents, report, doctor, load or unload; see maze --help\n",
		      stderr);
		return EXIT_MAZE_USAGE;
	}
	if (!strcmp(argv[1], "help")) {
		command = find_command(argv[2]);
		if (command)
			help_command(command);
		else
			fprintf(stderr, "maze: \"%s\" is no command; see maze --help\n", argv[2]);
		return command ? EXIT_MAZE_OK : EXIT_MAZE_USAGE;
	}
	command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "maze: \"%s\" is no command; see maze --help\n", argv[1]);
		return EXIT_MAZE_USAGE;
	}
	maze_policy_default(&options.policy);
	status = options_parse(command, argc - 1, argv + 1, &options, &first);
	if (status >= 0)
		return status;
	return command->run(command, &options, argc - 1 - first, argv + 1 + first);
}
