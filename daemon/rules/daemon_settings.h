/* SPDX-License-Identifier: GPL-2.0-only */
/* The section [daemon] of maze.conf(5) has the settings of mazed itself. */
#ifndef MAZE_DAEMON_SETTINGS_H
#define MAZE_DAEMON_SETTINGS_H

#include "../../lib/maze.h"
#include "string_list.h"

enum daemon_log {
	DAEMON_LOG_AUTO, /* the journal if it is reachable, otherwise standard error */
	DAEMON_LOG_JOURNAL,
	DAEMON_LOG_STDERR,
	DAEMON_LOG_SYSLOG,
	DAEMON_LOG_FILE,
};

/* The settings for collecting and storing incidents (evidence/incident.h). */
struct incidents_settings {
	char *dir; /* NULL: no incidents are stored */
	size_t count_max;
	maze_u64 bytes_max;
	maze_u64 age_max_ns;
	unsigned int samples; /* the number of stacks per episode; 0: none */
	bool unwind;
	bool system_calls;
	bool java_perf_map;
	struct string_list redact_names;
};

struct daemon_settings {
	enum daemon_log log;
	char *log_path; /* for DAEMON_LOG_FILE; else NULL */
	char *control_socket;
	unsigned int entries_per_user;
	unsigned int clients;
	bool unit_sections; /* the sections [X-Maze] of units are read */
	bool observe;	    /* the streaks of all processes are kept */
	gid_t readers;	    /* whose members may read all on the control socket; -1: none */
	struct incidents_settings incidents;
};

/*
 * Sets the defaults. Returns 0 or -ENOMEM. Call daemon_settings_done() even on failure.
 */
int daemon_settings_init(struct daemon_settings *settings);
void daemon_settings_done(struct daemon_settings *settings);
bool incidents_settings_differ(const struct incidents_settings *a,
			       const struct incidents_settings *b);

#endif
