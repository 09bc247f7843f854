/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules that mazed makes of the sections [X-Maze] of systemd's units (unit_file.h),
 * found by the name of the unit. A unit has one rule at most, which matches all processes
 * in the control group of the unit, and comes before all rules of maze.conf(5). This table
 * reads no files. It survives a reload of maze.conf.
 */
#ifndef MAZE_DAEMON_UNIT_RULES_H
#define MAZE_DAEMON_UNIT_RULES_H

#include "conf.h"

/* Units without a rule are removed before the table has more units than this. */
#define UNIT_RULES_MAX 16384

struct unit_rules;

struct unit {
	char *name;
	char *cgroup;	   /* the path of its control group; NULL: unknown */
	struct conf conf;  /* its section and files; empty: it has no valid section */
	struct rule *rule; /* NULL: it has no section, or an invalid one */
	bool known;	   /* its files were read, or cannot be */
	bool current;	   /* `rule` is of the files that systemd has loaded */
	bool wanted;	   /* its files are to be read */
	struct unit *next; /* the next one that is wanted */
};

int unit_rules_new(struct unit_rules **ret_units);
void unit_rules_free(struct unit_rules *units);

/* Returns the unit, or NULL. The pointer is valid until unit_rules_add(). */
struct unit *unit_rules_find(const struct unit_rules *units, const char *name);
/* Adds a unit of which nothing is known. NULL: out of memory, or too many have a rule. */
struct unit *unit_rules_add(struct unit_rules *units, const char *name);
size_t unit_rules_count(const struct unit_rules *units);
struct unit *unit_rules_at(const struct unit_rules *units, size_t index);

/* Returns the rule of the unit that the control group belongs to, or NULL. */
const struct rule *unit_rules_of_cgroup(const struct unit_rules *units, const char *cgroup);
/* Returns NULL if no unit has a rule with this tag. */
const struct rule *unit_rules_by_tag(const struct unit_rules *units, maze_u64 tag);
/* 1 << MAZE_SCOPE_*: the scopes in which rules of units watch. */
unsigned int unit_rules_scopes(const struct unit_rules *units);

/*
 * Makes the rule of `unit` from `conf`, which has its section, or is empty, and which this
 * takes. If the section is invalid, the unit has no rule. Adds problems.
 */
void unit_rules_set(struct unit_rules *units, struct unit *unit, const struct rules *rules,
		    struct conf *conf, struct problems *problems);
/* Makes the rule of `unit` again, because `rules` has other [defaults]. */
void unit_rules_remake(struct unit_rules *units, struct unit *unit, const struct rules *rules,
		       struct problems *problems);

#endif
