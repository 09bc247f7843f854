/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of maze.conf(5): in which kind of section each may stand, which form it
 * takes, and how its value is set. Four tables make one: the keys of policies,
 * which are lib's; the matching keys, which are condition.c's; those of [daemon], in
 * settings.c; and the rest, in keys.c. A new key is one row in one of them.
 */
#ifndef MAZE_DAEMON_KEYS_H
#define MAZE_DAEMON_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../lib/maze.h"
#include "rules.h"

/* Kinds of section, as bits: a key may stand in several. */
#define SECTION_DEFAULTS (1U << 0)
#define SECTION_RULE (1U << 1)
#define SECTION_DAEMON (1U << 2)

/* What a key's value goes into. */
struct key_target {
	struct treatment *treatment;	/* [defaults], [rule] */
	struct rule *rule;		/* [rule] */
	struct daemon_settings *daemon; /* [daemon] */
};

struct key {
	const char *name;
	unsigned int sections; /* SECTION_* */
	const char *form;      /* what is accepted, in words */
	int (*set)(const struct key *key, struct key_target *target, const char *value,
		   struct maze_error *error);
	int detail; /* for `set`: which stage, which condition */
};

/* Those of [daemon]; ended by a name that is NULL. */
extern const struct key settings_keys[];

/* Key number `index`, counted over all tables; false: there are no more. */
bool key_at(size_t index, struct key *ret_key);
/* The key of that name that may stand in the section. */
bool key_find(unsigned int section, const char *name, struct key *ret_key);
/* The names of all keys of a kind of section, separated by blanks; returns buf. */
const char *keys_list(unsigned int section, char *buf, size_t size);

#endif
