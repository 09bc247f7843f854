/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses policies from text. Options and maze.conf share the table of keys.
 * maze_policy_explain() has an error message for each result of maze_policy_check().
 */
#include "maze.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../base/error.h"
#include "share.h"

/* Both a recovery and a share are in units of 1/65536. */
#define FIXED_ONE MAZE_SHARE_ONE
maze_static_assert(MAZE_SHARE_ONE == MAZE_RECOVERY_ONE, "parse_fixed() parses both");

static const struct maze_policy_key keys[] = {
	{ "soft", "DUR",
	  "soft limit of CPU time without sleep; 0: off; half of --hard if only that is given "
	  "(10s)" },
	{ "hard", "DUR",
	  "hard limit of CPU time without sleep; 0: off; twice --soft if only that is given "
	  "(20s)" },
	{ "soft-signal", "SIG|warn",
	  "signal of the soft stage; warn: XCPU, only if handled (warn)" },
	{ "hard-signal", "SIG", "signal of the hard stage; 0: record only (KILL)" },
	{ "signal-to", "thread|process", "target of both signals (thread)" },
	{ "recovery", "R|lock:R|inf", "how much a sleep reduces the count (lock:29)" },
	{ "scope", "thread|process|tree|cgroup", "what the limits are for (thread)" },
	{ "share", "N%", "of a group: CPU use that its level allows, such as 90% of a CPU" },
	{ "kill", NULL, "end all processes of a tree or cgroup at the hard limit" },
	{ "yield", "reset|count", "whether sched_yield(2) resets the count (reset)" },
	{ "inherit", NULL, "watch child processes and new threads too (yes)" },
	{ "no-inherit", NULL, "do not watch child processes and new threads" },
	{ "shadow", NULL, "record verdicts and send no signals" },
	{ NULL, NULL, NULL },
};

const struct maze_policy_key *maze_policy_keys(void)
{
	return keys;
}

maze_u32 maze_policy_given(const char *key)
{
	size_t i;

	for (i = 0; keys[i].name; i++)
		if (!strcmp(keys[i].name, key))
			return 1U << i;
	return 0;
}

void maze_policy_default(struct maze_policy *ret_policy)
{
	/*
	 * As in the example of 2008: echo "1234 10000 20000 24 9" > /proc/maze/entries.
	 */
	*ret_policy = (struct maze_policy){
		.soft_ns = 10 * MAZE_NSEC_PER_SEC,
		.hard_ns = 20 * MAZE_NSEC_PER_SEC,
		.recovery = MAZE_RECOVERY_LOCK | 29 * MAZE_RECOVERY_ONE,
		.flags = MAZE_POLICY_INHERIT | MAZE_POLICY_WARN,
		.soft_signal = MAZE_SIGNAL_WARN,
		.hard_signal = SIGKILL,
	};
}

/* Parses digits with up to nine decimals in units of 1/65536; false: malformed. */
static bool parse_fixed(const char **at, maze_u64 whole_max, maze_u64 *ret_value)
{
	maze_u64 whole = 0, fraction = 0, scale = 1;
	const char *begin = *at;

	for (; isdigit((unsigned char)**at) && whole <= whole_max; ++*at)
		whole = whole * 10 + (maze_u64)(**at - '0');
	if (*at != begin && **at == '.') {
		for (++*at; isdigit((unsigned char)**at); ++*at) {
			/* Skip further digits, because the tenth is far below 1/65536. */
			if (scale == MAZE_NSEC_PER_SEC)
				continue;
			fraction = fraction * 10 + (maze_u64)(**at - '0');
			scale *= 10;
		}
	}
	*ret_value = whole * FIXED_ONE + (fraction * FIXED_ONE + scale / 2) / scale;
	return *at != begin;
}

int maze_recovery_parse(const char *text, maze_u32 *ret_recovery, struct maze_error *error)
{
	static const char of_locks[] = "lock:";
	const char *at = text;
	maze_u32 kind = 0;
	maze_u64 value;

	if (!strcasecmp(text, "inf")) {
		*ret_recovery = MAZE_RECOVERY_INF;
		return 0;
	}
	if (!strncasecmp(text, of_locks, strlen(of_locks))) {
		kind = MAZE_RECOVERY_LOCK;
		at += strlen(of_locks);
	}
	if (!parse_fixed(&at, 1000, &value) || *at || !value || value > MAZE_RECOVERY_MAX)
		return maze_fail(
			error, -EINVAL,
			"invalid recovery \"%s\"; give inf, a ratio above 0 and up to 1000, "
			"such as 1 (half a CPU, sustained) or 0.25, or lock: and a ratio, "
			"such as lock:29",
			text);
	*ret_recovery = kind | (maze_u32)value;
	return 0;
}

const char *maze_recovery_format(maze_u32 recovery, char *buf, size_t size)
{
	const char *kind = maze_recovery_is_for_locks(recovery) ? "lock:" : "";
	maze_u64 micro;
	int length;

	if (recovery == MAZE_RECOVERY_INF) {
		snprintf(buf, size, "inf");
		return buf;
	}
	/* Six digits distinguish all multiples of 1/65536. */
	micro = ((maze_u64)maze_recovery_ratio(recovery) * 1000000 + MAZE_RECOVERY_ONE / 2) /
		MAZE_RECOVERY_ONE;
	length = snprintf(buf, size, "%s%llu.%06llu", kind, micro / 1000000, micro % 1000000);
	while (length > 0 && (size_t)length < size && buf[length - 1] == '0')
		buf[--length] = '\0';
	if (length > 0 && (size_t)length < size && buf[length - 1] == '.')
		buf[--length] = '\0';
	return buf;
}

int maze_share_parse(const char *text, maze_u32 *ret_share, struct maze_error *error)
{
	maze_u64 percent;
	const char *at = text;

	if (!parse_fixed(&at, 100 * (MAZE_SHARE_MAX / MAZE_SHARE_ONE), &percent) ||
	    strcmp(at, "%") != 0 || percent < FIXED_ONE || (percent + 50) / 100 > MAZE_SHARE_MAX)
		return maze_fail(error, -EINVAL,
				 "invalid share \"%s\"; give a percentage of one CPU, such as 90%% "
				 "or 150%%, from 1%% to %u%%",
				 text, 100 * (MAZE_SHARE_MAX / MAZE_SHARE_ONE));
	*ret_share = (maze_u32)((percent + 50) / 100);
	return 0;
}

maze_u64 share_thousandths(maze_u32 share)
{
	maze_u64 exact = (maze_u64)share * 100000, rounded = 0, percent, step;

	/* All multiples of 1/65536 differ in the thousandths of a percent. */
	for (step = 1000; step; step /= 10) {
		rounded = (exact + step * FIXED_ONE / 2) / (step * FIXED_ONE) * step;
		/* As maze_share_parse() computes it. */
		percent = (rounded * FIXED_ONE + 500) / 1000;
		if ((percent + 50) / 100 == share)
			break;
	}
	return rounded;
}

const char *maze_share_format(maze_u32 share, char *buf, size_t size)
{
	maze_u64 rounded = share_thousandths(share);
	int length = snprintf(buf, size, "%llu.%03llu", rounded / 1000, rounded % 1000);

	while (length > 0 && (size_t)length < size && buf[length - 1] == '0')
		length--;
	if (length > 0 && (size_t)length < size && buf[length - 1] == '.')
		length--;
	if (length >= 0 && (size_t)length + 1 < size)
		memcpy(buf + length, "%", 2);
	return buf;
}

static const char *const scopes[] = {
	[MAZE_SCOPE_THREAD] = "thread",
	[MAZE_SCOPE_PROCESS] = "process",
	[MAZE_SCOPE_TREE] = "tree",
	[MAZE_SCOPE_CGROUP] = "cgroup",
};

const char *maze_policy_scope_name(unsigned int scope)
{
	return scope < MAZE_SCOPE_COUNT_ ? scopes[scope] : NULL;
}

static int set_scope(struct maze_policy *policy, const char *value, struct maze_error *error)
{
	maze_u32 scope;

	for (scope = 0; scope < MAZE_SCOPE_COUNT_; scope++) {
		if (strcmp(value, scopes[scope]) != 0)
			continue;
		policy->flags &= ~MAZE_POLICY_SCOPE;
		policy->flags |= scope << MAZE_POLICY_SCOPE_SHIFT;
		return 0;
	}
	return maze_fail(error, -EINVAL,
			 "invalid scope \"%s\"; give thread, process, tree or cgroup", value);
}

static int parse_flag(const char *value, bool *ret_on, struct maze_error *error)
{
	if (!value || !strcasecmp(value, "yes") || !strcasecmp(value, "true") ||
	    !strcasecmp(value, "on") || !strcmp(value, "1")) {
		*ret_on = true;
		return 0;
	}
	if (!strcasecmp(value, "no") || !strcasecmp(value, "false") || !strcasecmp(value, "off") ||
	    !strcmp(value, "0")) {
		*ret_on = false;
		return 0;
	}
	return maze_fail(error, -EINVAL, "invalid value \"%s\"; give yes or no", value);
}

static int set_flag(struct maze_policy *policy, maze_u32 flag, const char *value, bool inverted,
		    struct maze_error *error)
{
	bool on = false;
	int err = parse_flag(value, &on, error);

	if (err)
		return err;
	if (on != inverted)
		policy->flags |= flag;
	else
		policy->flags &= ~flag;
	return 0;
}

static int set_kill(struct maze_policy *policy, const char *value, struct maze_error *error)
{
	bool on = false;
	int err = parse_flag(value, &on, error);

	if (!err)
		policy->hard_signal = on ? SIGKILL : 0;
	return err;
}

static int set_yield(struct maze_policy *policy, const char *value, struct maze_error *error)
{
	if (!strcmp(value, "reset"))
		policy->flags &= ~MAZE_POLICY_YIELD_COUNTS;
	else if (!strcmp(value, "count"))
		policy->flags |= MAZE_POLICY_YIELD_COUNTS;
	else
		return maze_fail(error, -EINVAL, "invalid value \"%s\"; give reset or count",
				 value);
	return 0;
}

static int set_signal_to(struct maze_policy *policy, const char *value, struct maze_error *error)
{
	if (!strcmp(value, "thread"))
		policy->flags &= ~MAZE_POLICY_TO_PROCESS;
	else if (!strcmp(value, "process"))
		policy->flags |= MAZE_POLICY_TO_PROCESS;
	else
		return maze_fail(error, -EINVAL, "invalid value \"%s\"; give thread or process",
				 value);
	return 0;
}

static int set_signal(maze_u16 *signal, const char *value, struct maze_error *error)
{
	int number, err = maze_signal_parse(value, &number, error);

	if (!err)
		*signal = (maze_u16)number;
	return err;
}

static int set_soft_signal(struct maze_policy *policy, const char *value, struct maze_error *error)
{
	int err;

	if (!strcasecmp(value, "warn")) {
		policy->soft_signal = MAZE_SIGNAL_WARN;
		policy->flags |= MAZE_POLICY_WARN;
		return 0;
	}
	err = set_signal(&policy->soft_signal, value, error);
	if (!err)
		policy->flags &= ~MAZE_POLICY_WARN;
	return err;
}

const char *maze_soft_signal_format(maze_u32 flags, int soft_signal, char *buf, size_t size)
{
	if (!maze_policy_warns(flags, (maze_u32)soft_signal))
		return maze_signal_format(soft_signal, buf, size);
	snprintf(buf, size, "warn");
	return buf;
}

int maze_policy_set(struct maze_policy *policy, const char *key, const char *value,
		    struct maze_error *error)
{
	const struct maze_policy_key *row;

	for (row = keys; row->name && strcmp(row->name, key); row++)
		;
	if (!row->name)
		return maze_fail(error, -ENOENT, "unknown policy key \"%s\"", key);
	if (row->argument && !value)
		return maze_fail(error, -EINVAL, "%s needs a value (%s)", key, row->argument);
	if (!strcmp(key, "soft"))
		return maze_duration_parse(value, &policy->soft_ns, error);
	if (!strcmp(key, "hard"))
		return maze_duration_parse(value, &policy->hard_ns, error);
	if (!strcmp(key, "soft-signal"))
		return set_soft_signal(policy, value, error);
	if (!strcmp(key, "hard-signal"))
		return set_signal(&policy->hard_signal, value, error);
	if (!strcmp(key, "signal-to"))
		return set_signal_to(policy, value, error);
	if (!strcmp(key, "recovery"))
		return maze_recovery_parse(value, &policy->recovery, error);
	if (!strcmp(key, "yield"))
		return set_yield(policy, value, error);
	if (!strcmp(key, "scope"))
		return set_scope(policy, value, error);
	if (!strcmp(key, "share"))
		return maze_share_parse(value, &policy->share, error);
	if (!strcmp(key, "kill"))
		return set_kill(policy, value, error);
	if (!strcmp(key, "shadow"))
		return set_flag(policy, MAZE_POLICY_SHADOW, value, false, error);
	return set_flag(policy, MAZE_POLICY_INHERIT, value, !strcmp(key, "no-inherit"), error);
}

static int explain_range(const char *which, maze_u64 limit_ns, struct maze_error *error)
{
	char limit[128];

	maze_duration_format(limit_ns, limit, sizeof(limit));
	if (limit_ns < MAZE_LIMIT_MIN_NS)
		return maze_fail(
			error, -EINVAL,
			"the %s limit %s is below 1ms, the minimum; give 1ms or more, or 0 to "
			"switch the stage off",
			which, limit);
	return maze_fail(
		error, -EINVAL,
		"the %s limit %s is above 366 days, the maximum; give less, or 0 to switch the "
		"stage off",
		which, limit);
}

int maze_policy_explain(const struct maze_policy *policy, struct maze_error *error)
{
	char soft[128], hard[128];

	switch (maze_policy_check(policy)) {
	case MAZE_POLICY_OK:
		return 0;
	case MAZE_POLICY_NO_STAGE:
		return maze_fail(error, -EINVAL,
				 "both limits are 0; give a soft limit, a hard limit or both");
	case MAZE_POLICY_SOFT_RANGE:
		return explain_range("soft", policy->soft_ns, error);
	case MAZE_POLICY_HARD_RANGE:
		return explain_range("hard", policy->hard_ns, error);
	case MAZE_POLICY_HARD_BELOW_SOFT:
		maze_duration_format(policy->soft_ns, soft, sizeof(soft));
		maze_duration_format(policy->hard_ns, hard, sizeof(hard));
		return maze_fail(
			error, -EINVAL,
			"the hard limit %s is below the soft limit %s; give a hard limit of %s "
			"or more, or 0 to switch it off",
			hard, soft, soft);
	case MAZE_POLICY_SOFT_SIGNAL:
	case MAZE_POLICY_HARD_SIGNAL:
		return maze_fail(error, -EINVAL, "signal numbers above %d are invalid",
				 MAZE_SIGNAL_MAX);
	case MAZE_POLICY_RECOVERY:
		return maze_fail(error, -EINVAL,
				 "the recovery is out of range; give inf, a ratio above 0 and up "
				 "to 1000, or "
				 "lock: and such a ratio");
	case MAZE_POLICY_SHARE:
		return maze_fail(error, -EINVAL, "the share of a group is not from 1%% to %u%%",
				 100 * (MAZE_SHARE_MAX / MAZE_SHARE_ONE));
	case MAZE_POLICY_GROUP_SIGNAL:
		return maze_fail(error, -EINVAL,
				 "signals go to the process under scope process, and to no process "
				 "under scopes tree and cgroup, but kill ends all of theirs");
	default:
		return maze_fail(error, -EINVAL, "the policy has an unknown flag");
	}
}

/* Returns the first of these keys that is given, or NULL. */
static const char *first_given(maze_u32 given, const char *const *names)
{
	for (; *names; names++)
		if (given & maze_policy_given(*names))
			return *names;
	return NULL;
}

static int complete_group(struct maze_policy *policy, maze_u32 given, struct maze_error *error)
{
	static const char *const of_threads[] = { "recovery", "yield", "inherit", "no-inherit",
						  NULL };
	static const char *const of_signals[] = { "soft-signal", "hard-signal", "signal-to", NULL };
	const char *scope = maze_policy_scope_name(maze_policy_scope(policy->flags)), *key;
	bool process = maze_policy_scope(policy->flags) == MAZE_SCOPE_PROCESS;

	key = first_given(given, of_threads);
	if (key)
		return maze_fail(error, -EINVAL, "%s is for scope thread, not for scope %s", key,
				 scope);
	if (!(given & maze_policy_given("share")))
		return maze_fail(error, -EINVAL,
				 "scope %s needs a share of one CPU, such as share 90%%", scope);
	policy->flags &= ~MAZE_POLICY_YIELD_COUNTS;
	if (process && given & maze_policy_given("kill"))
		return maze_fail(error, -EINVAL,
				 "kill is for scopes tree and cgroup; under scope process, "
				 "hard-signal KILL does that");
	if (process && given & maze_policy_given("signal-to") &&
	    !(policy->flags & MAZE_POLICY_TO_PROCESS))
		return maze_fail(error, -EINVAL, "under scope process, signals go to the process");
	if (process) {
		policy->flags |= MAZE_POLICY_TO_PROCESS;
		return 0;
	}
	key = first_given(given, of_signals);
	if (key)
		return maze_fail(error, -EINVAL,
				 "%s is for one thread or process; under scope %s, give kill to "
				 "end all processes at the hard limit",
				 key, scope);
	policy->flags &= ~(MAZE_POLICY_WARN | MAZE_POLICY_TO_PROCESS);
	policy->soft_signal = 0;
	if (!(given & maze_policy_given("kill")))
		policy->hard_signal = 0;
	return 0;
}

int maze_policy_complete(struct maze_policy *policy, maze_u32 given, struct maze_error *error)
{
	static const char *const of_groups[] = { "share", "kill", NULL };
	const char *key = first_given(given, of_groups);
	int err;

	maze_policy_derive_limit(policy, given & maze_policy_given("soft"),
				 given & maze_policy_given("hard"));
	if (!maze_policy_scope(policy->flags) && key)
		return maze_fail(error, -EINVAL,
				 "%s is for groups; give a scope: process, tree or cgroup", key);
	err = maze_policy_scope(policy->flags) ? complete_group(policy, given, error) : 0;
	return err ? err : maze_policy_explain(policy, error);
}
