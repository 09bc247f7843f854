/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of mazed(8) are read from maze.conf(5). They are loaded completely or not at
 * all, so the old rules stay in force if a file is invalid. Loaded rules never change, but
 * for their mode, so a reload exchanges only one pointer.
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

/* The maximum number of rules. To try them all takes a few hundred microseconds. */
#define RULES_MAX 4096

struct conf;
struct conf_section;
struct unit_rules;

enum stage {
	STAGE_SOFT,
	STAGE_HARD,
	STAGE_COUNT,
};

enum restart_mode {
	RESTART_NO,
	RESTART_YES,
	RESTART_NOW, /* kills first */
};

/* The actions of a stage other than its signal. */
struct stage_actions {
	struct string_list exec; /* the argv, with an absolute path; count 0: no command */
	bool renices;
	int renice; /* the nice value, if renices */
	bool idle;
	bool freeze;
	enum restart_mode restart;
};

/* The settings for watched processes. [defaults] and every rule have them. */
struct rule_settings {
	struct maze_policy policy;
	maze_u32 given; /* maze_policy_given(): its own keys, and the limits of [defaults] */
	struct stage_actions stages[STAGE_COUNT];
	struct string_list no_restart; /* globs for names of units that are not restarted */
	maze_u64 exec_timeout_ns;
	unsigned int repeat_count;   /* the maximum of logged records in repeat_ns; 0: no limit */
	maze_u64 repeat_ns;	     /* the interval of that limit */
	unsigned int max_hard_count; /* the allowance of its hard verdicts; 0: no limit */
	maze_u64 max_hard_ns;
};

struct rule {
	char *name;
	maze_u64 tag;	  /* the tag of its watches; see tag_of_rule() */
	const char *file; /* belongs to struct rules */
	unsigned int line;
	const struct conf_section *section; /* of a unit, which owns it; NULL: maze.conf's */
	bool shipped;			    /* not the administrator's */
	/*
	 * The key `shadow`, also of [mode NAME]. The flag of the policy differs while an operator
	 * has changed the mode (tracker/rule_states.h).
	 */
	bool shadow;
	const char *mode_file; /* the [mode NAME] that applies to it; NULL: none */
	unsigned int mode_line;
	struct condition conditions[CONDITION_COUNT];
	unsigned int facts;  /* FACT_*: the facts that its conditions need */
	unsigned int scopes; /* 1 << MAZE_SCOPE_*: for which of them it is tried */
	bool ignore;
	bool never;		       /* its share is 0 on this machine, so it matches nothing */
	struct rule_settings settings; /* set also for action = ignore */
};

struct rules {
	struct rule *rules; /* in order of precedence */
	size_t count;
	unsigned int scopes; /* 1 << MAZE_SCOPE_*: the scopes in which a rule watches */
	/* The rules of units come before `rules`. NULL: they are not read. Not owned. */
	struct unit_rules *units;
	struct conf *conf; /* the sections, whose [defaults] apply to rules of units too */
	struct daemon_settings daemon;
	char **files; /* the files that were read, in order */
	size_t file_count;
};

/*
 * Reads the *.conf files in the directory `shipped` if it is not NULL, then the file
 * `path`, then the *.conf files in PATH.d. Files in a directory are read in the order of
 * their names. With `shipped`, the file `path` may be missing. If `shipped` has no file
 * either, the built-in copy of the shipped rules takes its place. Shipped rules are tried
 * last. A shipped rule that another file replaces keeps its position. The caller
 * initialises `problems`, and frees *ret_rules with rules_free(). Returns 0 even if there
 * are notes, -EINVAL if the rules are refused, or -ENOMEM. On failure *ret_rules does not
 * change.
 */
int rules_load(const char *shipped, const char *path, struct rules **ret_rules,
	       struct problems *problems);
/* Does what rules_load() does, for a text in memory. Problems show `name` as the file. */
int rules_parse(const char *name, const char *text, size_t length, struct rules **ret_rules,
		struct problems *problems);
void rules_free(struct rules *rules);
/* Returns NULL if no rule, also none of a unit, has this tag. */
const struct rule *rules_by_tag(const struct rules *rules, maze_u64 tag);
/* `scopes` with those of the rules of units. */
unsigned int rules_scopes(const struct rules *rules);

/*
 * Builds a rule of the section [X-Maze] of a unit, under [defaults] of `rules`. The section
 * must outlive the rule. Returns 0, -EINVAL or -ENOMEM. The caller frees what is in
 * *ret_rule with rule_done().
 */
int rules_build_unit(const struct rules *rules, const struct conf_section *section,
		     struct rule *ret_rule, struct problems *problems);
void rule_done(struct rule *rule);

#endif
