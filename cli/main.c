/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of the subcommands of maze(1). Each subcommand is in the file of its name. */
#include "command.h"
#include "similar_name.h"

#include <string.h>

#include "../base/standard_streams.h"

#define AT(member) offsetof(struct options, member)
#define ENGINE "engine", "auto|bpf|kmod|poll", "engine (auto)", AT(engine)
#define JSON(what) "json", NULL, "print " what " as JSON", AT(json)
#define SOCKET "socket", "FILE", "socket of mazed (/run/maze/control.sock)", AT(socket)
#define DIRECT "direct", NULL, "use the engine, even if mazed runs", AT(direct)
#define INCIDENTS                                                                                  \
	"incidents", "DIR", "directory of the incidents (/var/lib/maze/incidents)", AT(incidents)

static const struct command_option run_options[] = {
	{ ENGINE },
	{ JSON("records") },
	{ "events", "FILE", "append the records to FILE too, as JSON lines", AT(events) },
	{ "all", NULL, "also record when a watch begins and ends", AT(all) },
	{ "stay", NULL, "stay until all watched processes of COMMAND have ended", AT(stay) },
	{ "quiet", NULL, "print only records and errors", AT(quiet) },
	{ "incidents", "DIR", "write an incident into DIR for each episode with a verdict",
	  AT(incidents) },
	{ "no-unwind", NULL, "with --incidents: do not unwind stacks by debug information",
	  AT(no_unwind) },
	{ "java-perf-map", NULL, "with --incidents: request the names of Java methods",
	  AT(java_perf_map) },
	{ 0 },
};

static const struct command_option watch_options[] = {
	{ ENGINE },
	{ "wait", NULL, "stay until the processes have ended, and print records", AT(wait) },
	{ "json", NULL, "with --wait: print records as JSON", AT(json) },
	{ "events", "FILE", "with --wait: append the records to FILE too, as JSON lines",
	  AT(events) },
	{ "all", NULL, "with --wait: also record when a watch begins and ends", AT(all) },
	{ "quiet", NULL, "print only records and errors", AT(quiet) },
	{ "thread", "TID", "watch only this thread, in place of PID", AT(thread) },
	{ SOCKET },
	{ DIRECT },
	{ 0 },
};

static const struct command_option unwatch_options[] = {
	{ ENGINE },
	{ "thread", "TID", "end only the watch of this thread, in place of PID", AT(thread) },
	{ "scope", "cgroup", "end watches of control groups, by path or PID", AT(scope) },
	{ SOCKET },
	{ DIRECT },
	{ 0 },
};

static const struct command_option list_options[] = {
	{ ENGINE }, { JSON("the list") }, { SOCKET }, { DIRECT }, { 0 },
};

static const struct command_option top_options[] = {
	{ ENGINE },
	{ "interval", "DUR", "time between two refreshes, 100ms to 1h (1s)", AT(interval) },
	{ "sort", "limit|count|cpu|pid|name|user|unit|rule|verdict", "order of the rows (limit)",
	  AT(sort) },
	{ "filter", "TEXT", "only rows whose name, user, unit, rule or PID has TEXT", AT(filter) },
	{ "once", NULL, "print the table once, as text", AT(once) },
	{ JSON("the table of each refresh") },
	{ INCIDENTS },
	{ SOCKET },
	{ DIRECT },
	{ 0 },
};

static const struct command_option events_options[] = {
	{ ENGINE },
	{ "follow", NULL, "continue with new records", AT(follow) },
	{ "since", "TIME", "only from TIME on, such as -1h, yesterday or 20:45", AT(since) },
	{ "until", "TIME", "only up to TIME", AT(until) },
	{ "event", "EVENT,...", "only soft, hard, verdict, exit, watch, unwatch, lost, action",
	  AT(event) },
	{ "pid", "PID", "only of this process", AT(pid) },
	{ "comm", "GLOB", "only of threads with this name", AT(comm) },
	{ "user", "USER", "only of processes of this user, a name or an ID", AT(user) },
	{ "rule", "GLOB", "only of watches by this rule of mazed", AT(rule) },
	{ "unit", "GLOB", "only of this unit of systemd", AT(unit) },
	{ "file", "FILE", "read a log file of mazed; -: standard input", AT(file) },
	{ "journal", NULL, "read mazed's records in the journal", AT(journal) },
	{ "color", "auto|always|never", "colour the events (auto)", AT(colour) },
	{ JSON("records") },
	{ SOCKET },
	{ DIRECT },
	{ 0 },
};

static const struct command_option stats_options[] = {
	{ ENGINE }, { JSON("the counts") }, { SOCKET }, { DIRECT }, { 0 },
};

static const struct command_option metrics_options[] = {
	{ "textfile", "FILE", "write FILE, for the textfile collector of node_exporter",
	  AT(textfile) },
	{ SOCKET },
	{ 0 },
};

static const struct command_option thaw_options[] = {
	{ "cgroup", "PATH", "the control group with this path, from /", AT(cgroup) },
	{ "all", NULL, "all control groups that mazed has frozen", AT(all) },
	{ SOCKET },
	{ 0 },
};

static const struct command_option rules_options[] = {
	{ "runtime", NULL, "change the mode until mazed ends, and write no file", AT(runtime) },
	{ JSON("the list") },
	{ SOCKET },
	{ 0 },
};

static const struct command_option incidents_options[] = {
	{ INCIDENTS },
	{ "group", NULL, "count the incidents with the same signature", AT(group) },
	{ JSON("the list") },
	{ 0 },
};

static const struct command_option report_options[] = {
	{ INCIDENTS },
	{ "html", NULL, "print an HTML page with a flame graph and a timeline", AT(html) },
	{ "folded", NULL, "print folded stacks, for flame graph tools", AT(folded) },
	{ "pprof", NULL, "write a profile for pprof, such as go tool pprof", AT(pprof) },
	{ "speedscope", NULL, "print a profile for speedscope", AT(speedscope) },
	{ "trace", NULL, "write the schedule as a trace for maze replay", AT(trace) },
	{ JSON("the incident") },
	{ 0 },
};

static const struct command_option why_options[] = {
	{ "for", "DUR", "how long to look, 100ms to 60s (2s)", AT(duration) },
	{ "html", NULL, "print an HTML page with a flame graph and a timeline", AT(html) },
	{ "folded", NULL, "print folded stacks, for flame graph tools", AT(folded) },
	{ JSON("the incident") },
	{ 0 },
};

static const struct command_option record_options[] = {
	{ "out", "FILE", "the file of the trace", AT(out) },
	{ "for", "DUR", "end after this time", AT(duration) },
	{ 0 },
};

static const struct command_option replay_options[] = {
	{ "comm", "GLOB", "only threads with this name, and the threads that they start",
	  AT(comm) },
	{ "rules", "FILE", "the rules of a configuration of mazed, in place of a policy",
	  AT(rules) },
	{ "assume", "yes|no", "whether keys of rules match that a trace does not tell",
	  AT(assume) },
	{ "against", "OLD", "print the difference to the verdicts of the rules in OLD",
	  AT(against) },
	{ "quiet", NULL, "print only verdicts, errors and losses", AT(quiet) },
	{ JSON("verdicts") },
	{ 0 },
};

static const struct command_option observe_options[] = {
	{ ENGINE },
	{ "for", "DUR", "how long to observe (until Ctrl-C)", AT(duration) },
	{ "all", NULL, "observe all processes that you may watch", AT(all) },
	{ "out", "FILE", "write the observation into FILE, as JSON", AT(out) },
	{ "show", NULL, "print what mazed has observed (observe = yes)", AT(show) },
	{ "from", "FILE", "with --show: of this file (/var/lib/maze/streaks.json)", AT(from) },
	{ JSON("the observation") },
	{ "quiet", NULL, "show no progress", AT(quiet) },
	{ 0 },
};

static const struct command_option doctor_options[] = { { JSON("the results") }, { 0 } };

static const struct command_option load_options[] = {
	{ ENGINE },
	{ "replace", NULL, "unload an engine of another version of maze first", AT(replace) },
	{ 0 },
};

static const struct command_option suggest_options[] = {
	{ "from", "FILE", "the file of maze observe (/var/lib/maze/streaks.json)", AT(from) },
	{ "risk", "P", "false verdicts of a rule in a month (0.01)", AT(risk) },
	{ "min-days", "D", "refuse if less was observed (7)", AT(min_days) },
	{ "min-processes", "COUNT", "refuse if fewer were observed (50)", AT(min_processes) },
	{ 0 },
};

#define RUNTIME "runtime", NULL, "until the next boot, in /run/systemd/system", AT(runtime)
#define USER "user", NULL, "not supported: mazed reads units of the system only", AT(users_manager)

static const struct command_option protect_options[] = { { RUNTIME }, { USER }, { 0 } };

static const struct command commands[] = {
	{ "run", "-- COMMAND [ARG...]", "run a command and watch it",
	  "Runs COMMAND, and watches it from its first instruction on. Processes that it starts "
	  "are watched too. maze prints a record on standard error when a thread reaches a "
	  "limit, and when records are lost. maze does not change how COMMAND uses the terminal "
	  "and gets signals.\n"
	  "\n"
	  "The exit status is that of COMMAND, or 128+N if signal N ended COMMAND. It is 125 if "
	  "maze failed, 126 if COMMAND cannot be executed, 127 if COMMAND is not found, and 2 "
	  "after a usage error.\n"
	  "\n"
	  "maze uses the pinned engine if there is one (see maze watch). Otherwise it loads a "
	  "private engine, which ends with maze. If SIGKILL ends maze, COMMAND continues. A "
	  "pinned engine then still watches COMMAND, and a private engine does not.\n"
	  "\n"
	  "When COMMAND ends, maze lists the watched processes that still run on standard "
	  "error. A pinned engine still watches them, and a private engine does not. With "
	  "--stay, maze continues until all of them have ended, or until it gets SIGTERM, "
	  "SIGHUP, SIGINT or SIGQUIT.\n"
	  "\n"
	  "With --scope process or tree, the limits are for COMMAND as a whole, or for COMMAND "
	  "and all processes that it starts. Such a group has a level, which rises by the CPU "
	  "time that the group uses, and falls by --share of the time that passes. The limits are "
	  "levels. With --scope tree, maze stays until the last process of the tree has ended.\n"
	  "\n"
	  "  maze run --scope tree --share 90% --soft 10s -- make test",
	  true, run_options, cmd_run, false },
	{ "watch", "PID... | PATH... | --thread TID", "watch running processes",
	  "Watches each process PID with all its threads, and the processes and threads that it "
	  "starts from now on. maze watch returns when the watch has begun. A process that is "
	  "watched already gets the new policy and a count of 0. maze watch refuses PID 1, "
	  "kernel threads, maze itself, and processes that you may not signal.\n"
	  "\n"
	  "If mazed runs, mazed begins the watch, also for users who may not load an engine. "
	  "Otherwise maze loads the engine and pins it at /sys/fs/bpf/maze. The engine stays "
	  "there until maze unload.\n"
	  "\n"
	  "Some kernels refuse the best probe of sched_yield. There, a small process (maze "
	  "service) stays in the background. It attaches another probe when a thread is close "
	  "to its limit.\n"
	  "\n"
	  "With --wait, maze stays until all given processes have ended, and prints a record "
	  "when a thread reaches a limit. Then it ends its watches. --wait works with every "
	  "engine.\n"
	  "\n"
	  "With --scope process or tree, the limits are for each process as a whole, or for each "
	  "process and all that it starts. With --scope cgroup, PATH is a control group, such as "
	  "/system.slice/nginx.service, and PID means the control group of this process. Such a "
	  "watch needs mazed or --wait.",
	  true, watch_options, cmd_watch, false },
	{ "unwatch", "PID... | PATH... | --thread TID", "end watches",
	  "Ends the watches of all threads of each process PID, and those of the process and its "
	  "tree as a whole. The processes that PID has started stay watched.",
	  false, unwatch_options, cmd_unwatch, false },
	{ "list", "", "list watched threads and groups",
	  "Lists each watched thread with its count. The count is the CPU time since the last "
	  "sleep of the thread, as of its last context switch or tick.\n"
	  "\n"
	  "If mazed watches groups, maze lists them below, each with its level and its share. A "
	  "group is a process, a tree of processes or a control group.",
	  false, list_options, cmd_list, false },
	{ "top", "", "show the threads nearest to their limits, live",
	  "Shows the watched threads and groups on the terminal, the nearest to its limit first, "
	  "and below them the last verdicts. It shows all of them to root, and to other users "
	  "their own. The key h shows the keys: they sort, filter, and group by unit, send a "
	  "signal, thaw, and show the report of an incident and what a thread does now.\n"
	  "\n"
	  "With --once, maze prints the table as text, and with --json a line for each refresh.\n"
	  "\n"
	  "  maze top --once --json --filter nginx | jq '.rows[].cpu_percent'",
	  false, top_options, cmd_top, false },
	{ "events", "", "print records",
	  "Prints the records that the pinned engine keeps, the oldest first. The engine keeps "
	  "the last 4096 verdicts, which are records of a reached limit, and the last 4096 "
	  "beginnings and ends of watches. maze events does not remove records, so other "
	  "readers get them too.\n"
	  "\n"
	  "With --file or --journal it prints the records and actions that mazed has logged. "
	  "The format is the same. On a terminal, times are local.\n"
	  "\n"
	  "  maze events --journal --since today --event verdict",
	  false, events_options, cmd_events, false },
	{ "protect", "UNIT...", "give a systemd unit limits of its own",
	  "Writes the policy into the section [X-Maze] of a drop-in, "
	  "/etc/systemd/system/UNIT.d/maze.conf, makes systemd read its units again, and prints "
	  "what it has written. mazed watches all processes of the unit by it, those that run too. "
	  "The section comes before all rules of maze.conf. Only root may use it.\n"
	  "\n"
	  "Without --shadow, the drop-in has Shadow=no, so signals are sent. Keys that are not "
	  "given are those of [defaults] in maze.conf. A key of another drop-in of the unit, such "
	  "as override.conf of systemctl edit, overrides one of this drop-in.\n"
	  "\n"
	  "A template, such as getty@.service, protects all its instances.\n"
	  "\n"
	  "  maze protect --soft 5s --hard 10s nginx.service",
	  true, protect_options, cmd_protect, false },
	{ "unprotect", "UNIT...", "remove what maze protect has written",
	  "Removes the drop-in that maze protect has written, and its directory if nothing else is "
	  "in it, and makes systemd read its units again. Then the rules of maze.conf apply to the "
	  "unit, if no other file of it has a section [X-Maze].",
	  false, protect_options, cmd_unprotect, false },
	{ "suggest", "", "print rules with limits that suit this machine",
	  "Reads how long the threads of each program run without sleeping, which maze observe and "
	  "mazed write, and prints a rule file for mazed. For each program it has limits, the data "
	  "and the model behind them, and the false verdicts to expect. What was too rare to say "
	  "is "
	  "a comment, and so is a streak that may be an endless loop. maze suggest changes "
	  "nothing, "
	  "and all limits are in shadow.\n"
	  "\n"
	  "maze refuses until a week with all its days, and 50 processes, were observed. With "
	  "--min-days below 7, it does not require all days of the week.\n"
	  "\n"
	  "  maze suggest > suggested.conf && mazed --check --config suggested.conf",
	  false, suggest_options, cmd_suggest, false },
	{ "stats", "", "print what engine and mazed have counted",
	  "Prints how many threads and groups are watched, how many verdicts and signals there "
	  "were since the engine was loaded, and how late the verdicts were. A verdict is late by "
	  "the CPU time that the thread used above its limit. mazed counts the lateness since it "
	  "began. Without mazed, maze counts that of the verdicts that the engine keeps.",
	  false, stats_options, cmd_stats, false },
	{ "metrics", "", "print the metrics of mazed",
	  "Prints what mazed counts as metrics, in the text format of OpenMetrics. maze-metrics(5) "
	  "has the list. Root and the group readers of mazed get all of them, other users those "
	  "that maze rules and maze stats show.\n"
	  "\n"
	  "With --textfile it writes them to FILE, in the format of Prometheus that the textfile "
	  "collector of node_exporter reads, without those that node_exporter has of its own. FILE "
	  "is replaced as a whole, and stays as it is if that fails. Its name must end with .prom "
	  "for node_exporter. The unit maze-metrics.timer does that every 15 seconds.\n"
	  "\n"
	  "The exit status is 1 if mazed does not run.",
	  false, metrics_options, cmd_metrics, false },
	{ "thaw", "PID... | --cgroup PATH | --all", "thaw frozen control groups",
	  "Thaws control groups that a rule of mazed has frozen: the groups of the given "
	  "processes, the group with the given path, or all groups. Only root may use it, and "
	  "mazed must run.",
	  false, thaw_options, cmd_thaw, false },
	{ "rules", "[enforce NAME | shadow NAME | reset NAME]", "list the rules of mazed",
	  "Lists the rules of mazed. MODE is enforcing, shadow (verdicts are recorded, and nothing "
	  "is sent) or ignore. WATCHED is the number of threads or groups that the rule watches "
	  "now. SOFT and HARD are its enforced verdicts, and WOULD HAVE its verdicts in shadow, "
	  "since mazed began. TRIPPED is the time at which the rule had more hard verdicts than "
	  "its key max-hard permits, which put it in shadow.\n"
	  "\n"
	  "maze rules enforce and maze rules shadow change the mode of a rule. They write the "
	  "file zz-mode-NAME.conf in the directory of mazed's drop-in files, and reload mazed. If "
	  "mazed refuses the reload, the file is as before. With --runtime they write no file, "
	  "and the mode stays until mazed ends. maze rules reset lets a rule that has tripped "
	  "enforce again. Only root may change rules.",
	  false, rules_options, cmd_rules, false },
	{ "incidents", "", "list incidents",
	  "Lists the incidents that mazed and maze run --incidents have written, the newest "
	  "last. Each incident is about one thread or group that reached a limit. HOTTEST is the "
	  "function of the program with the most samples. A sample in the kernel counts for the "
	  "function that called the kernel. maze reports an unreadable file on standard error, "
	  "and then its exit status is 1.\n"
	  "\n"
	  "With --group it counts the incidents by their signature, which is the program and the "
	  "three innermost functions of its loop, and shows when the first and the last of them "
	  "were.",
	  false, incidents_options, cmd_incidents, false },
	{ "report", "ID | last", "show an incident",
	  "Shows an incident: the thread or group that reached its limit, its CPU time, the "
	  "function "
	  "that it was in, and the signals and actions that followed. ID is an ID that maze "
	  "incidents lists. You can shorten it to its beginning or its end, if no other ID has "
	  "the same one. \"last\" is the newest incident.\n"
	  "\n"
	  "  maze report --html last > report.html",
	  false, report_options, cmd_report, false },
	{ "why", "PID|TID", "show why a running process spins",
	  "Looks at a process that spins right now, and shows what maze report shows of a thread "
	  "that reached a limit: the function that it is in, its system calls, what their "
	  "descriptors are, and in a sentence why it loops, if that is known. Of several threads "
	  "that run, it shows the busiest one, and the hottest function of up to eight others. "
	  "With a TID it looks at that thread only. It needs no engine, changes nothing, and "
	  "stops no thread. Ctrl-C ends it earlier, and it prints what it has.\n"
	  "\n"
	  "Only root, or a user with CAP_BPF and CAP_PERFMON, sees system calls and stacks in "
	  "the kernel. Other users see their own processes, as far as "
	  "kernel.perf_event_paranoid permits it. The notes of the report say what is missing.\n"
	  "\n"
	  "The exit status is 1 if no thread of the process spins.",
	  false, why_options, cmd_why, false },
	{ "record", "", "record the schedule of the machine, for maze replay",
	  "Writes the context switches of all threads of the machine into the file of --out, with "
	  "starts, ends, names, wakeups, yields and waits for locks, and the CPU time as the "
	  "scheduler counts it. maze replay reads the file. The recording ends after the time of "
	  "--for, or with SIGINT, SIGTERM or SIGHUP. It needs the rights that load the bpf "
	  "engine, and no engine. A switch takes 32 bytes of the file, and a sleep 32 more.\n"
	  "\n"
	  "  maze record --out trace --for 1min\n"
	  "  maze replay --soft 1s trace",
	  false, record_options, cmd_record, false },
	{ "replay", "TRACE", "print the verdicts for a recorded schedule",
	  "Reads a trace of context switches and prints the records of the verdicts that the "
	  "policy "
	  "would have led to, as in shadow. It watches nothing and needs no privileges. TRACE is "
	  "the text of perf script or trace-cmd report with the event sched_switch, or - for "
	  "standard input. For exact verdicts, record the events of system calls too.\n"
	  "\n"
	  "The policy is for all threads, or for those of --comm. With --rules, each thread has "
	  "the policy of the first rule that matches it. Groups are not replayed, so --scope, "
	  "--share and --kill are refused.\n"
	  "\n"
	  "With --against, a verdict that only the rules in OLD lead to has a -, and one that "
	  "only those of --rules lead to has a +. The exit status is 3 if there is any.\n"
	  "\n"
	  "  perf sched record -e raw_syscalls:sys_enter -- sleep 60\n"
	  "  perf script | maze replay --soft 1s -",
	  true, replay_options, cmd_replay, false },
	{ "observe", "PID... | --all | --show", "measure how long programs run without sleeping",
	  "Watches the processes, and the threads and processes that they start from now on, "
	  "without limits. It sends no signal and writes no record. A streak is the count that a "
	  "thread reaches before it is reset: the CPU time that it uses without sleeping. A limit "
	  "that is longer than all streaks of a program never reaches it.\n"
	  "\n"
	  "maze observes until --for has passed, until it gets SIGINT, SIGTERM or SIGHUP, or "
	  "until the given processes and their children have ended. Then it prints a table with "
	  "the streaks of each program: their number, the percentiles, the longest one and when it "
	  "ended. A thread that has not slept yet is in it as well. A percentile is up to an "
	  "eighth below the true one.\n"
	  "\n"
	  "With --all it observes all processes but kernel threads, the init process and itself, "
	  "and looks for new ones once a second. Other users than root observe their own.\n"
	  "\n"
	  "With observe = yes in maze.conf(5), mazed observes all the time. maze observe --show "
	  "prints what it has observed so far, up to ten minutes ago.\n"
	  "\n"
	  "  maze observe --all --for 1d --out streaks.json",
	  false, observe_options, cmd_observe, false },
	{ "doctor", "[PID]", "show what can run here, or what a process allows",
	  "Shows for each engine whether you can run it on this machine, and the reason if you "
	  "cannot. It also shows what the engine cannot detect here. maze doctor changes "
	  "nothing. The exit status is 0 if an engine can run, else 1.\n"
	  "\n"
	  "With PID it shows what an incident of that process would have: whether you may watch "
	  "and read it, and whether its functions, source lines, callers and kernel functions "
	  "would have names. If it runs Python, JavaScript, Java, Ruby or PHP, it also shows "
	  "whether the functions of that language would have names, and the option that gives "
	  "them. The exit status is 0 if you may watch and read the process, else 1.",
	  false, doctor_options, cmd_doctor, false },
	{ "load", "", "load and pin the engine",
	  "Loads the engine into the kernel and pins it, as maze watch does, but watches "
	  "nothing. The engine stays loaded until maze unload. Users with fewer privileges can "
	  "then use it.",
	  false, load_options, cmd_load, false },
	{ "unload", "", "unload the pinned engine",
	  "Ends all watches of the pinned engine and removes it from the kernel.", false, NULL,
	  cmd_unload, false },
	{ "service", "", "run the yield probe of the pinned engine", "", false, NULL, cmd_service,
	  true },
	{ "complete", "-- WORD...", "print the words that can complete a command line", "", false,
	  NULL, cmd_complete, true },
	{ 0 },
};

const struct command *command_at(size_t index)
{
	return commands[index].name ? &commands[index] : NULL;
}

const struct command *find_command(const char *name)
{
	struct similar_name similar = { .word = name };
	const struct command *command;

	/* The name of the command in earlier versions. maze accepts it until 1.0. */
	if (!strcmp(name, "attend"))
		name = "service";
	for (command = commands; command->name; command++) {
		if (!strcmp(command->name, name))
			return command;
		if (!command->hidden)
			similar_name_consider(&similar, command->name);
	}
	if (similar.name)
		print_error(NULL, "unknown command \"%s\"; did you mean \"%s\"?", name,
			    similar.name);
	else
		print_error(NULL, "unknown command \"%s\"; see maze --help", name);
	return NULL;
}

static int run_command(int argc, char **argv)
{
	struct options options = { .engine = "auto" };
	const struct command *command;
	int first, status;
	bool help;

	/* A line of an error message is one write, so that other programs do not split it. */
	setlinebuf(stderr);
	if (argc < 2) {
		print_error(NULL, "no command given; see maze --help");
		return EXIT_MAZE_USAGE;
	}
	help = !strcmp(argv[1], "help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || (help && argc == 2)) {
		help_overview();
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

int main(int argc, char **argv)
{
	standard_streams_reserve();
	return standard_output_close("maze", run_command(argc, argv));
}
