/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of maze.conf(5): the sections of each, its form, and its setter. Each table is
 * beside the code for its settings: policies in lib, conditions in condition.c, rules in
 * rule_settings.c, [daemon] in daemon_settings.c. A new key is one row in one of them.
 */
#ifndef MAZE_DAEMON_KEYS_H
#define MAZE_DAEMON_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../lib/maze.h"
#include "rules.h"

/* Kinds of section, as bits: a key may be valid in several. */
#define SECTION_DEFAULTS (1U << 0)
#define SECTION_RULE (1U << 1)
#define SECTION_DAEMON (1U << 2)

/* The structure that a key sets. */
struct key_target {
	struct rule_settings *settings; /* [defaults], [rule] */
	struct rule *rule;		/* [rule] */
	struct daemon_settings *daemon; /* [daemon] */
};

struct key {
	const char *name;
	unsigned int sections; /* SECTION_* */
	const char *form;      /* the accepted form, for messages */
	int (*set)(const struct key *key, struct key_target *target, const char *value,
		   struct maze_error *error);
	int detail; /* for `set`: which stage, which condition */
};

/* Each ends in a row without a name. */
extern const struct key rule_keys[], daemon_keys[];

/* The key of that name that is valid in the section. */
bool key_find(unsigned int section, const char *name, struct key *ret_key);
/* The names of the keys valid in the section, separated by blanks; returns buf. */
const char *keys_list(unsigned int section, char *buf, size_t size);

#endif
