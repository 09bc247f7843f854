/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of mazed(8), parsed from maze.conf(5). They are loaded as a whole or not at
 * all and never change afterwards, so a reload exchanges one pointer and invalid files
 * leave the old rules in force.
 */
#ifndef MAZE_DAEMON_RULES_H
#define MAZE_DAEMON_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "../../lib/maze.h"
#include "condition.h"
#include "problems.h"
#include "daemon_settings.h"
#include "string_list.h"

/* Each is tried in turn; this many take a few hundred microseconds. */
#define RULES_MAX 4096

enum stage {
	STAGE_SOFT,
	STAGE_HARD,
	STAGE_COUNT,
};

/* The actions of a stage beside its signal. */
struct stage_actions {
	struct string_list exec; /* the argv, with an absolute path; count 0: no command */
	bool renices;
	int renice; /* the nice value, if renices */
	bool idle;
	bool freeze;
};

/* The settings of watched processes: [defaults] and every rule have them. */
struct rule_settings {
	struct maze_policy policy;
	struct stage_actions stages[STAGE_COUNT];
	maze_u64 exec_timeout_ns;
	unsigned int repeat_count; /* at most so many records of one rule ... */
	maze_u64 repeat_ns;	   /* ... in this time; 0: no limit */
};

struct rule {
	char *name;
	maze_u64 tag;	  /* of its watches; see tag_of_rule() */
	const char *file; /* belongs to struct rules */
	unsigned int line;
	struct condition conditions[CONDITION_COUNT];
	unsigned int facts; /* FACT_*: the facts that its conditions need */
	bool ignore;
	struct rule_settings settings; /* set also for action = ignore */
};

struct rules {
	struct rule *rules; /* in order of precedence */
	size_t count;
	struct daemon_settings daemon;
	char **files; /* that were read, in order */
	size_t file_count;
};

/*
 * Reads the file `path`, then the *.conf files in PATH.d by name. On success *ret_rules
 * is for rules_free(), and `problems`, which the caller has initialised, may have notes.
 * -EINVAL: refused, see `problems`. -EINVAL and -ENOMEM leave *ret_rules untouched.
 */
int rules_load(const char *path, struct rules **ret_rules, struct problems *problems);
/* The same for a text in memory; `name` is its file name in problems. */
int rules_parse(const char *name, const char *text, size_t length, struct rules **ret_rules,
		struct problems *problems);
void rules_free(struct rules *rules);
/* NULL: no rule has this tag. */
const struct rule *rules_by_tag(const struct rules *rules, maze_u64 tag);

#endif
