/* SPDX-License-Identifier: GPL-2.0-only */
#include "keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../base/error.h"
#include "values.h"

static int set_policy(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	struct rule_settings *settings = target->settings;

	settings->given |= maze_policy_given(key->name);
	return maze_policy_set(&settings->policy, key->name, value, error);
}

/* Beside the values of the library, takes cpus-N, for rules of any machine. */
static int set_share(const struct key *key, struct key_target *target, const char *value,
		     struct maze_error *error)
{
	static const char prefix[] = "cpus-";
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), less = 0;
	int err;

	if (strncmp(value, prefix, strlen(prefix)) != 0)
		return set_policy(key, target, value, error);
	err = value_number(value + strlen(prefix), 0, MAZE_SHARE_MAX / MAZE_SHARE_ONE, &less,
			   error);
	if (err)
		return err;
	target->settings->given |= maze_policy_given(key->name);
	target->rule->never = less >= cpus;
	/* The share of a rule that matches nothing only has to be valid. */
	target->settings->policy.share =
		target->rule->never ? MAZE_SHARE_ONE : (maze_u32)(cpus - less) * MAZE_SHARE_ONE;
	return 0;
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
	if (!strcmp(row->name, "share"))
		return "a percentage of a CPU such as 90% or 150%, or cpus-N: the CPUs of the "
		       "machine less N";
	return row->argument;
}

/*
 * [defaults] has no keys of groups. A policy has its share and its recovery in one place,
 * and a rule without a scope must not get the scope of another.
 */
static bool is_of_groups(const char *name)
{
	return !strcmp(name, "scope") || !strcmp(name, "share") || !strcmp(name, "kill");
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
		*ret_key = (struct key){
			policy->name,
			SECTION_RULE | SECTION_UNIT |
				(is_of_groups(policy->name) ? 0 : SECTION_DEFAULTS) |
				(!strcmp(policy->name, "shadow") ? SECTION_MODE : 0),
			policy_form(policy),
			strcmp(policy->name, "share") != 0 ? set_policy : set_share,
			0,
		};
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

const char *key_shown(unsigned int section, const char *name, char buf[UNIT_KEY_SIZE])
{
	return section == SECTION_UNIT ? unit_key(name, buf) : name;
}

bool key_find(unsigned int section, const char *name, struct key *ret_key)
{
	char shown[UNIT_KEY_SIZE];
	struct key key;
	size_t i;

	for (i = 0; key_at(i, &key); i++) {
		if ((key.sections & section) &&
		    !strcmp(key_shown(section, key.name, shown), name)) {
			*ret_key = key;
			return true;
		}
	}
	return false;
}

const char *keys_list(unsigned int section, char *buf, size_t size)
{
	char shown[UNIT_KEY_SIZE];
	size_t i, length = 0;
	struct key key;
	int written;

	buf[0] = '\0';
	for (i = 0; key_at(i, &key); i++) {
		if (!(key.sections & section))
			continue;
		written = snprintf(buf + length, size - length, "%s%s", length ? " " : "",
				   key_shown(section, key.name, shown));
		if (written < 0 || (size_t)written >= size - length)
			break;
		length += (size_t)written;
	}
	return buf;
}
