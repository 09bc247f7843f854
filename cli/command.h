/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A subcommand of maze(1) is one row of the table in main.c and one file with its cmd_
 * function. The row contains the text of --help and the options. make lint compares the
 * list of subcommands in maze(1) with the table.
 */
#ifndef MAZE_CLI_COMMAND_H
#define MAZE_CLI_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/maze.h"

enum {
	EXIT_MAZE_OK = 0,
	EXIT_MAZE_FAILED = 1,
	EXIT_MAZE_USAGE = 2,
	/* for maze run; timeout(1) and env(1) have the same values */
	EXIT_RUN_FAILED = 125,
	EXIT_RUN_NOT_EXECUTABLE = 126,
	EXIT_RUN_NOT_FOUND = 127,
};

/* Room for the rows of maze_policy_keys(). */
#define POLICY_KEYS_MAX 32

/* The options of all subcommands. A subcommand accepts the options in its row. */
struct options {
	struct maze_policy policy;
	const char *engine;
	const char *events; /* file that records are appended to */
	bool json;
	bool all;
	bool follow;
	bool wait;
	bool stay;
	bool quiet;
	maze_u32 given; /* maze_policy_given() of the policy's options on the command line */
	const char *policy_values[POLICY_KEYS_MAX]; /* by the row of the key; NULL: no value */
	pid_t thread;
	const char *socket; /* path of mazed's socket; NULL: the default */
	bool direct;	    /* use the engine, not mazed */
	const char *cgroup;
	const char *scope;     /* of unwatch: "cgroup" or NULL */
	const char *incidents; /* incident directory; NULL: mazed's; maze run: none */
	bool html;
	bool folded;
	bool pprof;
	bool speedscope;
	bool trace;
	bool no_unwind;
	bool java_perf_map;
	bool replace;
	const char *duration; /* of a look; NULL: the default */
	bool runtime;	      /* not for good: until the next boot, or until mazed ends */
	bool users_manager;   /* units of a user, which are refused */
	/* the filter and the source of events */
	const char *since, *until, *pid, *comm, *unit, *rule, *event, *user;
	const char *colour, *file, *textfile;
	bool journal;
	const char *rules, *against, *assume; /* of replay */
	const char *out;		      /* of record and observe */
	bool show;
	bool group; /* of incidents: count them by signature */
	/* Of top; NULL: the default. */
	const char *interval, *sort, *filter;
	bool once;
	/* Of suggest; NULL: the default. */
	const char *from, *risk, *min_days, *min_processes;
};

struct incident;

struct command_option {
	const char *name;
	const char *argument; /* such as "SIG|warn" (complete.c); NULL: none */
	const char *help;
	size_t offset; /* of its member in struct options, a string or a bool; or OPTION_* */
};

#define OPTION_POLICY ((size_t)-1) /* a key of maze_policy_keys() */
#define OPTION_HELP ((size_t)-2)

struct command {
	const char *name;
	const char *arguments; /* such as "PID..." (complete.c); "": none; "-- ...": executed */
	const char *summary;   /* one line */
	const char *details;   /* paragraphs of the help */
	bool takes_policy;
	const struct command_option *options; /* ended by a NULL name; may be NULL */
	int (*run)(const struct command *command, struct options *options, int argc, char **argv);
	bool hidden; /* for internal use, so not in the help */
};

/* Whether the limits are for a group, and not for threads. */
static inline bool is_for_group(const struct options *options)
{
	return maze_policy_scope(options->policy.flags) != MAZE_SCOPE_THREAD;
}

/* Returns a row of the table, or NULL behind the last one. */
const struct command *command_at(size_t index);
/* Returns NULL after an error message if there is no such command. */
const struct command *find_command(const char *name);

/*
 * Gets an option of a command: the options of its row, the keys of a policy, and --help.
 * Returns false behind the last one.
 */
bool command_option(const struct command *command, size_t index, struct command_option *ret_option);
/* The command executes its arguments, so they may contain options of another program. */
bool command_executes(const struct command *command);

/*
 * Parses the options of a command and sets *ret_first to the index of its first argument.
 * Returns -1 to continue, or the exit status after --help or a usage error.
 */
int options_parse(const struct command *command, int argc, char **argv, struct options *options,
		  int *ret_first);

void help_command(const struct command *command);
void help_overview(void);

/*
 * Prints a message such as "maze run: sentence" on standard error. `command` may be NULL.
 * usage_error() adds a reference to --help and returns EXIT_MAZE_USAGE.
 */
void print_error(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int usage_error(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Parses a PID or TID. Returns 0, or the exit status after a usage error. */
int id_parse(const struct command *command, const char *what, const char *text, pid_t *ret_id);
/*
 * Parses the PIDs in the arguments, or finds the process of the thread of --thread.
 * Returns 0 and an array that the caller frees, or prints an error and returns the exit
 * status.
 */
int targets_parse(const struct command *command, const struct options *options, int argc,
		  char **argv, pid_t **ret_pids, int *ret_count);

/*
 * Writes one record as a line of JSON, or of text after `prefix`. Returns false if the
 * stream failed.
 */
bool print_record(FILE *stream, const char *prefix, const struct maze_record *record,
		  const char *engine, bool json);
/* Prints an object as an item of an array, and frees it. `index` counts from 0. */
void print_json_item(char *object, size_t index);
/* Prints the end of an array of `count` items. */
void print_json_end(size_t count);

int cmd_run(const struct command *command, struct options *options, int argc, char **argv);
int cmd_watch(const struct command *command, struct options *options, int argc, char **argv);
int cmd_unwatch(const struct command *command, struct options *options, int argc, char **argv);
int cmd_list(const struct command *command, struct options *options, int argc, char **argv);
int cmd_events(const struct command *command, struct options *options, int argc, char **argv);
int cmd_metrics(const struct command *command, struct options *options, int argc, char **argv);
int cmd_stats(const struct command *command, struct options *options, int argc, char **argv);
int cmd_doctor(const struct command *command, struct options *options, int argc, char **argv);
int cmd_load(const struct command *command, struct options *options, int argc, char **argv);
int cmd_top(const struct command *command, struct options *options, int argc, char **argv);
int cmd_unload(const struct command *command, struct options *options, int argc, char **argv);
int cmd_thaw(const struct command *command, struct options *options, int argc, char **argv);
int cmd_rules(const struct command *command, struct options *options, int argc, char **argv);
int cmd_incidents(const struct command *command, struct options *options, int argc, char **argv);
int cmd_record(const struct command *command, struct options *options, int argc, char **argv);
int cmd_replay(const struct command *command, struct options *options, int argc, char **argv);
int cmd_report(const struct command *command, struct options *options, int argc, char **argv);
int cmd_why(const struct command *command, struct options *options, int argc, char **argv);
int cmd_protect(const struct command *command, struct options *options, int argc, char **argv);
int cmd_unprotect(const struct command *command, struct options *options, int argc, char **argv);
int cmd_observe(const struct command *command, struct options *options, int argc, char **argv);
int cmd_suggest(const struct command *command, struct options *options, int argc, char **argv);
int cmd_complete(const struct command *command, struct options *options, int argc, char **argv);
int cmd_service(const struct command *command, struct options *options, int argc, char **argv);

/* Prints an incident in the format that the options select. Returns the exit status. */
int print_incident(const struct command *command, const struct options *options,
		   const struct incident *incident);
/* Returns 0, or the exit status after a usage error. */
int check_formats(const struct command *command, const struct options *options);

/* Starts the background process that runs the yield probe, if the engine needs it. */
void start_service(struct maze *maze);

#endif
