/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of mazed(8), parsed from maze.conf(5). They are loaded completely or not at
 * all, so the old rules stay in force if a file is invalid. Loaded rules never change, so
 * a reload exchanges only one pointer.
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

/* All rules may be tried in turn, which takes a few hundred microseconds. */
#define RULES_MAX 4096

enum stage {
	STAGE_SOFT,
	STAGE_HARD,
	STAGE_COUNT,
};

/* The actions of a stage other than its signal. */
struct stage_actions {
	struct string_list exec; /* the argv, with an absolute path; count 0: no command */
	bool renices;
	int renice; /* the nice value, if renices */
	bool idle;
	bool freeze;
};

/* The settings for watched processes. [defaults] and every rule have them. */
struct rule_settings {
	struct maze_policy policy;
	struct stage_actions stages[STAGE_COUNT];
	maze_u64 exec_timeout_ns;
	unsigned int repeat_count; /* how many records of one rule are logged ... */
	maze_u64 repeat_ns;	   /* ... in this time; count 0: no limit */
};

struct rule {
	char *name;
	maze_u64 tag;	  /* the tag of its watches; see tag_of_rule() */
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
	char **files; /* the files that were read, in order */
	size_t file_count;
};

/*
 * Reads the file `path`, then the *.conf files in PATH.d by name. The caller initialises
 * `problems`, and frees *ret_rules with rules_free(). Success may leave notes in
 * `problems`. -EINVAL (the rules are refused) and -ENOMEM leave *ret_rules unchanged.
 */
int rules_load(const char *path, struct rules **ret_rules, struct problems *problems);
/* Does the same for a text in memory. Problems show `name` as its file name. */
int rules_parse(const char *name, const char *text, size_t length, struct rules **ret_rules,
		struct problems *problems);
void rules_free(struct rules *rules);
/* Returns NULL if no rule has this tag. */
const struct rule *rules_by_tag(const struct rules *rules, maze_u64 tag);

#endif
