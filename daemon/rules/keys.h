/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of maze.conf(5) are rows of four tables. A row has the key's name, the
 * sections that may contain the key, the form of its value, and its setter. The tables
 * are in lib for policies, in condition.c for conditions, in rule_settings.c for rules,
 * and in daemon_settings.c for [daemon]. A new key is one more row in one of these
 * tables.
 */
#ifndef MAZE_DAEMON_KEYS_H
#define MAZE_DAEMON_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../base/systemd_unit.h"
#include "../../lib/maze.h"
#include "rules.h"

/* Each kind of section is a bit, because a key may be valid in several kinds. */
#define SECTION_DEFAULTS (1U << 0)
#define SECTION_RULE (1U << 1)
#define SECTION_DAEMON (1U << 2)
#define SECTION_UNIT (1U << 3) /* [X-Maze] of a unit, where "hard-signal" is HardSignal */
#define SECTION_MODE (1U << 4)

/* The structures that setters fill. Each is used for keys of the named sections. */
struct key_target {
	struct rule_settings *settings; /* [defaults], [rule], [X-Maze] */
	struct rule *rule;		/* [rule], [X-Maze] */
	struct daemon_settings *daemon; /* [daemon] */
};

struct key {
	const char *name;
	unsigned int sections; /* SECTION_* */
	const char *form;      /* the accepted form, for messages */
	int (*set)(const struct key *key, struct key_target *target, const char *value,
		   struct maze_error *error);
	int detail; /* an argument for `set`: a stage or a condition */
};

/* Each table ends with a row without a name. */
extern const struct key rule_keys[], daemon_keys[];

/* The name of a key as this kind of section writes it. Returns `name` or buf. */
const char *key_shown(unsigned int section, const char *name, char buf[UNIT_KEY_SIZE]);
/* Finds the key of this name, as the section writes it, that is valid in the section. */
bool key_find(unsigned int section, const char *name, struct key *ret_key);
/* Writes the names of the keys that are valid in the section to buf. Returns buf. */
const char *keys_list(unsigned int section, char *buf, size_t size);

#endif
