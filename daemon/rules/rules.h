/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of mazed(8): what maze.conf(5) says, as numbers. Loaded whole or not at
 * all, and never changed after that, so that a reload is the exchange of one
 * pointer, and bad files leave the old rules as they are.
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

/* A search takes each in turn; this many are a few hundred microseconds. */
#define RULES_MAX 4096

enum stage {
	STAGE_SOFT,
	STAGE_HARD,
	STAGE_COUNT,
};

/* What is done at one stage beyond the signal. */
struct stage_actions {
	struct words exec; /* as for execve(2), the path absolute; count 0: nothing */
	bool renices;
	int renice; /* the nice value, if renices */
	bool idle;
	bool freeze;
};

/* How a process is treated that no rule says to ignore; [defaults] and every rule. */
struct treatment {
	struct maze_policy policy;
	struct stage_actions stages[STAGE_COUNT];
	maze_u64 exec_timeout_ns;
	unsigned int repeat_count; /* so many records of one rule ... */
	maze_u64 repeat_ns;	   /* ... in so long; 0: all of them */
};

struct rule {
	char *name;
	maze_u64 tag;	  /* of its watches: tag_of_rule() */
	const char *file; /* belongs to struct rules */
	unsigned int line;
	struct condition conditions[CONDITION_COUNT];
	unsigned int facts; /* FACT_*: what its conditions ask for */
	bool ignore;
	struct treatment treatment; /* also when it ignores */
};

struct rules {
	struct rule *rules; /* in the order in which they are tried */
	size_t count;
	struct daemon_settings daemon;
	char **files; /* those that were read, in order */
	size_t file_count;
};

/*
 * Reads file `path`, then PATH.d/NAME.conf in order of name. On success *ret_rules is
 * for rules_free(); there may be notes in `problems`, which the caller has
 * initialised. -EINVAL: refused, *ret_rules is untouched, `problems` says why.
 * -ENOMEM likewise.
 */
int rules_load(const char *path, struct rules **ret_rules, struct problems *problems);
/* The same from a text in memory, which `name` stands for in problems. */
int rules_parse(const char *name, const char *text, size_t length, struct rules **ret_rules,
		struct problems *problems);
void rules_free(struct rules *rules);
/* The rule of that tag; NULL: there is none now. */
const struct rule *rules_by_tag(const struct rules *rules, maze_u64 tag);

#endif
