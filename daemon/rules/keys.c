/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of keys of rules that are neither a policy's nor a condition's, and the way
 * through all four tables (keys.h). Values are parsed here one by one; what does
 * not go together is for rules.c to say.
 */
#include "keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/error.h"
#include "values.h"

/* Beyond a second's worth of everything, counting records one by one is no limit. */
#define REPEAT_COUNT_MAX 1000000
/* ---- [rule], [defaults] ------------------------------------------------------------ */

static int set_policy(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	return maze_policy_set(&target->treatment->policy, key->name, value, error);
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

static int set_action(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	(void)key;
	if (!strcmp(value, "ignore"))
		target->rule->ignore = true;
	else if (!strcmp(value, "watch"))
		target->rule->ignore = false;
	else
		return maze_fail(error, -EINVAL, "\"%.64s\" is no action", value);
	return 0;
}

static int set_exec(const struct key *key, struct key_target *target, const char *value,
		    struct maze_error *error)
{
	struct stage_actions *stage = &target->treatment->stages[key->detail];
	struct words words = { 0 };
	int err = words_split(value, &words, error);

	if (err)
		return err;
	/* Without a shell there is no search path, and a daemon's directory is /. */
	if (words.count && words.words[0][0] != '/') {
		err = maze_fail(error, -EINVAL, "\"%.128s\" is no absolute path", words.words[0]);
		words_done(&words);
		return err;
	}
	words_done(&stage->exec);
	stage->exec = words;
	return 0;
}

static int set_renice(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	struct stage_actions *stage = &target->treatment->stages[key->detail];
	long number = 0;
	int err;

	if (*value) {
		/* The range of setpriority(2). */
		err = value_number(value, -20, 19, &number, error);
		if (err)
			return err;
	}
	stage->renices = *value != '\0';
	stage->renice = (int)number;
	return 0;
}

static int set_idle(const struct key *key, struct key_target *target, const char *value,
		    struct maze_error *error)
{
	return value_yes_no(value, &target->treatment->stages[key->detail].idle, error);
}

static int set_freeze(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	return value_yes_no(value, &target->treatment->stages[key->detail].freeze, error);
}

static int set_exec_timeout(const struct key *key, struct key_target *target, const char *value,
			    struct maze_error *error)
{
	(void)key;
	/* A command that may run for ever would hold its place for ever. */
	return value_duration(value, &target->treatment->exec_timeout_ns, error);
}

static int set_repeat(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	const char *slash = strchr(value, '/');
	char number[32];
	maze_u64 ns = 0;
	long count = 0;
	int err;

	(void)key;
	if (!strcmp(value, "0")) {
		target->treatment->repeat_count = 0;
		target->treatment->repeat_ns = 0;
		return 0;
	}
	if (!slash || (size_t)(slash - value) >= sizeof(number))
		return maze_fail(error, -EINVAL, "\"%.64s\" is no number by time", value);
	snprintf(number, sizeof(number), "%.*s", (int)(slash - value), value);
	number[strcspn(number, " \t")] = '\0';
	err = value_number(number, 1, REPEAT_COUNT_MAX, &count, error);
	if (!err)
		err = maze_duration_parse(slash + 1, &ns, error);
	if (err)
		return err;
	if (ns < MAZE_LIMIT_MIN_NS || ns > MAZE_LIMIT_MAX_NS)
		return maze_fail(error, -EINVAL, "the time in %.64s is not from 1ms to 366 days",
				 value);
	target->treatment->repeat_count = (unsigned int)count;
	target->treatment->repeat_ns = ns;
	return 0;
}

/* ---- the tables ------------------------------------------------------------------------ */

#define BOTH (SECTION_DEFAULTS | SECTION_RULE)
#define EXEC_FORM "an absolute path and arguments; empty: no command"
#define RENICE_FORM "a nice value from -20 to 19; empty: none"

static const struct key own[] = {
	{ "action", SECTION_RULE, "watch, or ignore", set_action, 0 },
	{ "soft-exec", BOTH, EXEC_FORM, set_exec, STAGE_SOFT },
	{ "hard-exec", BOTH, EXEC_FORM, set_exec, STAGE_HARD },
	{ "soft-renice", BOTH, RENICE_FORM, set_renice, STAGE_SOFT },
	{ "hard-renice", BOTH, RENICE_FORM, set_renice, STAGE_HARD },
	{ "soft-idle", BOTH, "yes, or no", set_idle, STAGE_SOFT },
	{ "hard-idle", BOTH, "yes, or no", set_idle, STAGE_HARD },
	{ "soft-freeze", BOTH, "yes, or no", set_freeze, STAGE_SOFT },
	{ "hard-freeze", BOTH, "yes, or no", set_freeze, STAGE_HARD },
	{ "exec-timeout", BOTH, "a duration such as 30s", set_exec_timeout, 0 },
	{ "repeat", BOTH, "a number and a duration such as 10/1min, or 0 for no bound", set_repeat,
	  0 },
};

#define OWN_COUNT (sizeof(own) / sizeof(own[0]))

/* The library gives its forms in the notation of --help. */
static const char *policy_form(const struct maze_policy_key *row)
{
	if (!row->argument)
		return "yes, or no";
	if (!strcmp(row->argument, "DUR"))
		return "a duration such as 500ms, 10s or 1min 30s; 0: no such stage";
	if (!strcmp(row->argument, "SIG"))
		return "a signal such as KILL, XCPU or 9; 0: none";
	if (!strcmp(row->argument, "SIG|warn"))
		return "warn, a signal such as TERM, XCPU or 10, or 0 for none";
	return row->argument;
}

bool key_at(size_t index, struct key *ret_key)
{
	const struct maze_policy_key *policy = maze_policy_keys();
	const struct key *setting = settings_keys;

	if (index < CONDITION_COUNT) {
		*ret_key = (struct key){ condition_keys[index].name, SECTION_RULE,
					 condition_keys[index].form, set_condition, (int)index };
		return true;
	}
	index -= CONDITION_COUNT;
	for (; policy->name && index; policy++)
		index--;
	if (policy->name) {
		*ret_key = (struct key){ policy->name, BOTH, policy_form(policy), set_policy, 0 };
		return true;
	}
	if (index < OWN_COUNT) {
		*ret_key = own[index];
		return true;
	}
	index -= OWN_COUNT;
	for (; setting->name && index; setting++)
		index--;
	if (!setting->name)
		return false;
	*ret_key = *setting;
	return true;
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
