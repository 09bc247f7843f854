/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mazed knows of each rule, also of a unit, beside its settings: how many verdicts its
 * watches have had, whether its breaker (max-hard) has tripped, and whether an operator has
 * changed its mode until mazed ends. The engine enforces the breaker (core/allowance.h). mazed
 * sets it, reports that it has tripped, and keeps that over its own restart and reload.
 */
#ifndef MAZE_DAEMON_RULE_STATES_H
#define MAZE_DAEMON_RULE_STATES_H

#include "../log/log.h"
#include "../rules/rules.h"

struct rule_states;

/* The mode of a rule until mazed ends. */
enum rule_mode {
	RULE_MODE_FILE, /* as the configuration says */
	RULE_MODE_SHADOW,
	RULE_MODE_ENFORCE,
};

struct rule_state {
	struct rule *rule;
	maze_u64 tag;
	char *name;
	enum rule_mode mode;
	/* Verdicts since mazed began, and those of them that were in shadow. */
	maze_u64 soft, hard, shadow_soft, shadow_hard;
	/* CLOCK_BOOTTIME; 0: never. */
	maze_u64 last_shadow_ns; /* of the last verdict in shadow */
	maze_u64 tripped_ns;	 /* of the verdict that tripped the breaker; 0: not tripped */
	maze_u64 reset_ns;	 /* of the last reset by an operator */
};

/*
 * Reads the list of tripped rules from the directory dir_fd, which must stay open, and
 * uses the rules. Returns 0, or -errno and a message.
 */
int rule_states_open(struct maze *maze, struct log *log, int dir_fd, struct rules *rules,
		     struct rule_states **ret_states, struct maze_error *error);
/*
 * Switches to new rules: sets their modes that an operator has changed, and the allowances
 * of the engine. Call it before the rules are applied to processes. States of rules with
 * other names end. On failure the old rules stay in use. `rules` must stay valid until the
 * next call.
 */
int rule_states_use(struct rule_states *states, struct rules *rules, struct maze_error *error);
/*
 * Call it when rules of units have begun, changed or ended, and before they are applied to
 * processes. Does for them what rule_states_use() does.
 */
void rule_states_use_units(struct rule_states *states);
/* Counts a verdict, and reports a breaker that has tripped. */
void rule_states_on_record(void *arg, struct mazed_record *record);
/*
 * Returns the state of the rule at this index, first those of maze.conf in their order, then
 * those of units. NULL: there are no more.
 */
const struct rule_state *rule_states_at(const struct rule_states *states, size_t index);
/*
 * Changes the mode of a rule. 1: the caller must apply the rules to all processes. 0: the
 * rule enforces or does not, as before. -ENOENT: no rule has this name. -EINVAL: it has action = ignore.
 */
int rule_states_set_mode(struct rule_states *states, const char *name, enum rule_mode mode,
			 struct maze_error *error);
/* Lets a rule that has tripped enforce again. -ENOENT: no rule has this name. */
int rule_states_reset(struct rule_states *states, const char *name, struct maze_error *error);
/* With `remove`, removes the allowances from the engine. */
void rule_states_close(struct rule_states *states, bool remove);

#endif
