/* SPDX-License-Identifier: GPL-2.0-only */
#include "keys.h"

#include <stdio.h>
#include <string.h>

static int set_policy(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	struct rule_settings *settings = target->settings;

	settings->soft_given |= !strcmp(key->name, "soft");
	settings->hard_given |= !strcmp(key->name, "hard");
	return maze_policy_set(&settings->policy, key->name, value, error);
}

static int set_condition(const struct key *key, struct key_target *target, const char *value,
			 struct maze_error *error)
{
	const struct condition_key *row = &condition_keys[key->detail];
	struct condition condition = { 0 };
	int err = row->parse(value, &condition, error);

	if (err) {
		condition_done(&condition);
		return err;
	}
	condition_done(&target->rule->conditions[key->detail]);
	target->rule->conditions[key->detail] = condition;
	target->rule->facts |= row->fact;
	return 0;
}

/*
 * The library names the form of a value as --help does, such as DUR or SIG. Messages use
 * words instead.
 */
static const char *policy_form(const struct maze_policy_key *row)
{
	if (!row->argument)
		return "yes, or no";
	if (!strcmp(row->argument, "DUR"))
		return "a duration such as 500ms, 10s or 1min 30s; 0: stage off";
	if (!strcmp(row->argument, "SIG"))
		return "a signal such as KILL, XCPU or 9; 0: none";
	if (!strcmp(row->argument, "SIG|warn"))
		return "warn, a signal such as TERM, XCPU or 10, or 0 for none";
	return row->argument;
}

/* Copies row `index`, counted over all tables. Returns false after the last row. */
static bool key_at(size_t index, struct key *ret_key)
{
	const struct maze_policy_key *policy = maze_policy_keys();
	static const struct key *const tables[] = { rule_keys, daemon_keys };
	const struct key *row;
	size_t i;

	if (index < CONDITION_COUNT) {
		*ret_key = (struct key){ condition_keys[index].name, SECTION_RULE,
					 condition_keys[index].form, set_condition, (int)index };
		return true;
	}
	index -= CONDITION_COUNT;
	for (; policy->name && index; policy++)
		index--;
	if (policy->name) {
		*ret_key = (struct key){ policy->name, SECTION_DEFAULTS | SECTION_RULE,
					 policy_form(policy), set_policy, 0 };
		return true;
	}
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (row = tables[i]; row->name && index; row++)
			index--;
		if (row->name) {
			*ret_key = *row;
			return true;
		}
	}
	return false;
}

bool key_find(unsigned int section, const char *name, struct key *ret_key)
{
	struct key key;
	size_t i;

	for (i = 0; key_at(i, &key); i++) {
		if ((key.sections & section) && !strcmp(key.name, name)) {
			*ret_key = key;
			return true;
		}
	}
	return false;
}

const char *keys_list(unsigned int section, char *buf, size_t size)
{
	size_t i, length = 0;
	struct key key;
	int written;

	buf[0] = '\0';
	for (i = 0; key_at(i, &key); i++) {
		if (!(key.sections & section))
			continue;
		written =
			snprintf(buf + length, size - length, "%s%s", length ? " " : "", key.name);
		if (written < 0 || (size_t)written >= size - length)
			break;
		length += (size_t)written;
	}
	return buf;
}
