/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records that `maze events` prints, each from the JSON object that the engine, mazed,
 * mazed's log file and the journal have in common.
 */
#ifndef MAZE_CLI_EVENT_H
#define MAZE_CLI_EVENT_H

#include <jansson.h>

#include "command.h"

/* The bit of an action in a set of events, above those of enum maze_event. */
#define EVENT_ACTION MAZE_EVENT_COUNT_

/* Strings belong to the object. */
struct event {
	const json_t *object;
	struct maze_record record;	    /* of an action: the record that it followed */
	long long wall_ns;		    /* since 1970 */
	unsigned int kind;		    /* enum maze_event, or EVENT_ACTION */
	const char *engine, *rule, *cgroup; /* NULL, but for the engine: none, or unknown */
	const char *unit, *user_unit;	    /* likewise; the second is of a user's manager */
	const char *message;		    /* of an action */
};

/* Which events are printed. An empty filter passes all. */
struct event_filter {
	long long since_ns, until_ns;
	pid_t pid;    /* 0: any */
	bool by_user; /* only those of `uid` */
	maze_u32 uid;
	unsigned int kinds;		/* a set of 1 << kind; 0: any */
	const char *comm, *unit, *rule; /* globs; NULL: any */
};

/* Where events go, and what came of them. */
struct event_output {
	const struct command *command;
	struct event_filter filter;
	bool json, local, colour;
	size_t taken, malformed;
};

/*
 * Sets the filter and the format by the options. Returns 0, or the exit status after a
 * usage error.
 */
int event_output_init(struct event_output *output, const struct command *command,
		      const struct options *options);
/*
 * Prints the event of the object if it passes the filter. Counts what is no event.
 * Messages of mazed are skipped. Returns 0, or -errno if standard output failed.
 */
int event_output_put(struct event_output *output, const json_t *object);
/* Does that for a line of JSON. */
int event_output_put_text(struct event_output *output, const char *json);

/* Sets the filter by the options, as event_output_init() does. */
int event_filter_init(struct event_filter *filter, const struct command *command,
		      const struct options *options);
bool event_filter_passes(const struct event_filter *filter, const struct event *event);

/* Prints the events of mazed's log file; "-" is standard input. Returns 0 or -errno. */
int events_from_file(struct event_output *output, const char *path);
/* Prints those in the journal, and with `follow` also new ones. Returns 0 or -errno. */
int events_from_journal(struct event_output *output, bool follow);

#endif
