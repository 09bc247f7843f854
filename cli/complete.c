/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The subcommand `complete` prints the words that can complete a command line. The files
 * in packaging/completions call it with the words after `maze`, up to the one to
 * complete. A line of the output is one of these:
 *
 *   WORD, or WORD<tab>DESCRIPTION
 *   :file, :directory       the shell completes a name of that kind
 *   :command N              the words from number N on are a command line; 0: the first
 *
 * The shell selects the words that begin like the one to complete.
 */
#include "command.h"
#include "../base/cgroup.h"
#include "../base/escape.h"
#include "../base/proc_files.h"
#include "../base/systemd_unit.h"
#include "../report/incident_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The words before the one to complete. */
struct line {
	const struct command *command;
	const char *word;
	struct command_option pending; /* the last option, if its argument comes next */
	const char *incidents;	       /* of --incidents */
	int executed;		       /* index of the command to execute; 0: none */
	int operands;
	bool options_ended; /* after "--" */
};

static void print_signals(const struct line *line)
{
	size_t prefix = strncasecmp(line->word, "SIG", 3) ? 3 : 0;
	char name[32];
	int i;

	for (i = 1; i <= SIGRTMAX; i++)
		if (!strncmp(maze_signal_format(i, name, sizeof(name)), "SIG", 3))
			printf("%s\t%s\n", name + prefix, strsignal(i));
}

/* The processes that this user may watch, except kernel threads. */
static void print_processes(const struct line *line)
{
	char comm[MAZE_COMM_LEN + 1], escaped[MAZE_COMM_LEN * ESCAPE_MAX];
	DIR *proc = opendir("/proc");
	struct thread_status status;
	struct dirent *entry;
	pid_t pid;
	int dir;

	(void)line;
	while (proc && (entry = readdir(proc))) {
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid <= 1 || pid == getpid() || proc_status_by_number(pid, &status) ||
		    (geteuid() && status.uid != getuid()))
			continue;
		dir = openat(dirfd(proc), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			continue;
		if (!proc_is_kernel_thread(dir, pid)) {
			memset(comm, 0, sizeof(comm));
			proc_thread_comm(dir, pid, comm);
			printf("%d\t%s\n", (int)pid, escape_copy(escaped, sizeof(escaped), comm));
		}
		close(dir);
	}
	if (proc)
		closedir(proc);
}

static void print_incidents(const struct line *line)
{
	const char *path = line->incidents ? line->incidents : MAZE_INCIDENT_DIR;
	const char *home = getenv("HOME");
	struct maze_error error = { "" };
	struct incident_dir dir;
	char *expanded = NULL;
	size_t i;

	/* The word is as the user typed it. */
	if (home && !strncmp(path, "~/", 2) && asprintf(&expanded, "%s%s", home, path + 1) >= 0)
		path = expanded;
	if (!incident_dir_open(path, &dir, &error)) {
		for (i = 0; i < dir.count; i++)
			puts(dir.ids[i]);
		incident_dir_close(&dir);
	} else {
		print_error(line->command, "%s", error.text);
	}
	free(expanded);
}

/* A little less than one CPU, half a CPU more, and all CPUs but one. */
static void print_shares(const struct line *line)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	(void)line;
	puts("90%\n150%");
	if (cpus > 2)
		printf("%ld%%\n", 100 * (cpus - 1));
}

/* The services that run. Other units of the system are rarely a runaway. */
static void print_units(const struct line *line)
{
	struct cgroup_fs cgroups = { .fd = -1 };
	struct dirent *entry;
	int fd = cgroup_fs_open(&cgroups, NULL) ? -1 : cgroup_open(&cgroups, "/system.slice");
	DIR *slice = fd < 0 ? NULL : fdopendir(fd);

	(void)line;
	while (slice && (entry = readdir(slice)))
		if (unit_name_is_valid(entry->d_name))
			puts(entry->d_name);
	if (slice)
		closedir(slice);
	else if (fd >= 0)
		close(fd);
	cgroup_fs_close(&cgroups);
}

/* The meaning of uppercase words in the arguments of commands and options. */
static const struct {
	const char *name;
	void (*print)(const struct line *line);
	const char *directive; /* in place of print() */
} kinds[] = {
	{ "SIG", print_signals, NULL },	 { "PID", print_processes, NULL },
	{ "ID", print_incidents, NULL }, { "N", print_shares, NULL },
	{ "UNIT", print_units, NULL },	 { "FILE", NULL, ":file" },
	{ "TRACE", NULL, ":file" },	 { "OLD", NULL, ":file" },
	{ "DIR", NULL, ":directory" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

/*
 * Prints the words for an argument such as "SIG|warn", "[PID]" or "PID... | --thread TID". A
 * lowercase word stands for itself.
 */
static void print_argument(const struct line *line, const char *argument)
{
	size_t length, i;

	for (; *argument; argument += strcspn(argument, "|")) {
		argument += strspn(argument, "| [");
		length = strspn(argument, LOWER);
		/* strchr() finds the end of the argument too. */
		if (length && strchr("| ", argument[length]))
			printf("%.*s\n", (int)length, argument);
		length = strspn(argument, UPPER);
		for (i = 0; i < KINDS; i++) {
			if (length != strlen(kinds[i].name) ||
			    strncmp(argument, kinds[i].name, length) != 0)
				continue;
			if (kinds[i].print)
				kinds[i].print(line);
			else
				puts(kinds[i].directive);
		}
	}
}

/* Finds the option that a word such as "--name" or "--name=value" begins with. */
static bool find_option(const struct command *command, const char *word,
			struct command_option *ret_option)
{
	size_t length = strcspn(word, "="), i;

	for (i = 0; command_option(command, i, ret_option); i++)
		if (length == strlen("--") + strlen(ret_option->name) &&
		    !strncmp(word + strlen("--"), ret_option->name, length - strlen("--")))
			return true;
	return false;
}

static void take_value(struct line *line, const char *value)
{
	if (line->pending.offset == offsetof(struct options, incidents))
		line->incidents = value;
	line->pending.argument = NULL;
}

/* Reads the words before the one to complete. */
static void read_line(struct line *line, int argc, char **argv)
{
	const char *word, *value;
	int i;

	for (i = 1; i < argc - 1; i++) {
		word = argv[i];
		if (line->pending.argument) {
			/* bash makes --name=value three words. */
			if (strcmp(word, "=") != 0)
				take_value(line, word);
		} else if (!line->options_ended && !strcmp(word, "--")) {
			line->options_ended = true;
		} else if (!line->options_ended && word[0] == '-') {
			value = strchr(word, '=');
			if (!find_option(line->command, word, &line->pending))
				line->pending.argument = NULL;
			else if (value)
				take_value(line, value + 1);
		} else if (command_executes(line->command)) {
			line->executed = i;
			return;
		} else {
			line->operands++;
		}
	}
}

static void print_options(const struct command *command)
{
	struct command_option option;
	size_t i;

	for (i = 0; command_option(command, i, &option); i++)
		printf("--%s\t%s\n", option.name, option.help);
}

static void print_word(struct line *line, int index)
{
	const char *value = strchr(line->word, '='), *arguments = line->command->arguments;

	if (line->executed) {
		printf(":command %d\n", line->executed);
	} else if (line->pending.argument) {
		print_argument(line, line->pending.argument);
	} else if (!line->options_ended && line->word[0] == '-') {
		if (!value)
			print_options(line->command);
		else if (find_option(line->command, line->word, &line->pending) &&
			 line->pending.argument)
			print_argument(line, line->pending.argument);
	} else if (command_executes(line->command)) {
		printf(":command %d\n", index);
	} else if (!line->operands || strstr(arguments, "...")) {
		print_argument(line, arguments);
	}
}

static void print_commands(const char *word)
{
	const struct command *command;
	size_t i;

	if (word[0] == '-')
		puts("--help\n--version");
	for (i = 0; (command = command_at(i)); i++)
		if (!command->hidden)
			printf("%s\t%s\n", command->name, command->summary);
}

int cmd_complete(const struct command *command, struct options *options, int argc, char **argv)
{
	struct line line = { .word = argc ? argv[argc - 1] : "" };

	(void)command;
	(void)options;
	if (argc < 2) {
		print_commands(line.word);
		return EXIT_MAZE_OK;
	}
	line.command = find_command(argv[0]);
	if (!line.command)
		return EXIT_MAZE_USAGE;
	read_line(&line, argc, argv);
	print_word(&line, argc - 1);
	return EXIT_MAZE_OK;
}
