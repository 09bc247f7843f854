/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a subcommand of maze(1) is: one row in main.c's table, one file with its
 * cmd_ function. Help, option parsing and the man page's list come from the row.
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
	/* maze run, as timeout(1) and env(1) have it */
	EXIT_RUN_FAILED = 125,
	EXIT_RUN_NOT_EXECUTABLE = 126,
	EXIT_RUN_NOT_FOUND = 127,
};

/* The options of all subcommands; each accepts those that its row names. */
struct options {
	struct maze_policy policy;
	const char *engine;
	const char *events; /* file to append records to */
	bool json;
	bool all;
	bool follow;
	bool wait;
	bool stay;
	bool yield_asked; /* --yield was given, so its default is not what is meant */
	pid_t thread;
	const char *socket; /* of mazed; NULL: where it is by default */
	bool direct;	    /* mazed is not to be asked */
	const char *cgroup;
	const char *incidents; /* their directory; NULL: where mazed keeps them; run: none */
	bool html;
	bool folded;
	bool no_unwind;
};

struct command_option {
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *help;
};

struct command {
	const char *name;
	const char *arguments; /* "PID..." */
	const char *summary;   /* one line */
	const char *details;   /* paragraphs of the help */
	bool takes_policy;
	const struct command_option *options; /* ended by a NULL name; may be NULL */
	int (*run)(const struct command *command, struct options *options, int argc, char **argv);
	bool hidden; /* not for people; absent from the help */
};

/*
 * Parses the options of a command; *ret_first is where its arguments begin.
 * Returns -1 to go on, else the exit status (help was shown, or usage was wrong).
 */
int options_parse(const struct command *command, int argc, char **argv, struct options *options,
		  int *ret_first);

void help_command(const struct command *command);
void help_overview(const struct command *commands);

/* "maze run: sentence" on standard error; the latter adds where the help is. */
void complain(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int complain_usage(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The processes that PIDs, or --thread, name; all are parsed before anything is
 * done. 0 and an array to free(3), or an exit status after the complaint.
 */
int targets_parse(const struct command *command, const struct options *options, int argc,
		  char **argv, pid_t **ret_pids, int *ret_count);

/* Writes one record as a line of text or JSON; false when the stream failed. */
bool print_record(FILE *stream, const struct maze_record *record, const char *engine, bool json);

int cmd_run(const struct command *command, struct options *options, int argc, char **argv);
int cmd_watch(const struct command *command, struct options *options, int argc, char **argv);
int cmd_unwatch(const struct command *command, struct options *options, int argc, char **argv);
int cmd_list(const struct command *command, struct options *options, int argc, char **argv);
int cmd_events(const struct command *command, struct options *options, int argc, char **argv);
int cmd_doctor(const struct command *command, struct options *options, int argc, char **argv);
int cmd_load(const struct command *command, struct options *options, int argc, char **argv);
int cmd_unload(const struct command *command, struct options *options, int argc, char **argv);
int cmd_thaw(const struct command *command, struct options *options, int argc, char **argv);
int cmd_incidents(const struct command *command, struct options *options, int argc, char **argv);
int cmd_report(const struct command *command, struct options *options, int argc, char **argv);
int cmd_service(const struct command *command, struct options *options, int argc, char **argv);

/* Leaves a process behind that attends to the yield probe, where one is needed. */
void start_service(struct maze *maze);

#endif
