/* SPDX-License-Identifier: GPL-2.0-only */
#include "rule_settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../base/error.h"
#include "../../base/escape.h"
#include "../../base/glob.h"
#include "keys.h"
#include "values.h"

/* The default is enough for a script that collects evidence. */
#define EXEC_TIMEOUT_DEFAULT_NS (30 * MAZE_NSEC_PER_SEC)
/* The default keeps a service in a crash loop from filling the disk with records. */
#define REPEAT_COUNT_DEFAULT 10
#define REPEAT_DEFAULT_NS (60 * MAZE_NSEC_PER_SEC)
/* Enough for a mistake to be seen, and few enough that the machine survives it. */
#define MAX_HARD_DEFAULT 3
#define MAX_HARD_DEFAULT_NS (600 * MAZE_NSEC_PER_SEC)
/* A larger count would not limit the log in practice. */
#define REPEAT_COUNT_MAX 1000000
/* The size of a buffer for a duration, a signal or a recovery as text. */
#define WORDING_SIZE 128

void rule_settings_init(struct rule_settings *settings)
{
	*settings = (struct rule_settings){
		.exec_timeout_ns = EXEC_TIMEOUT_DEFAULT_NS,
		.repeat_count = REPEAT_COUNT_DEFAULT,
		.repeat_ns = REPEAT_DEFAULT_NS,
		.max_hard_count = MAX_HARD_DEFAULT,
		.max_hard_ns = MAX_HARD_DEFAULT_NS,
	};
	maze_policy_default(&settings->policy);
}

void rule_settings_done(struct rule_settings *settings)
{
	size_t i;

	for (i = 0; i < STAGE_COUNT; i++)
		string_list_done(&settings->stages[i].exec);
	string_list_done(&settings->no_restart);
}

void rule_settings_complete(struct rule_settings *settings)
{
	if (settings->stages[STAGE_HARD].restart &&
	    !(settings->given & (maze_policy_given("hard-signal") | maze_policy_given("kill"))))
		settings->policy.hard_signal = 0;
}

const char *stage_name(enum stage stage)
{
	return stage == STAGE_SOFT ? "soft" : "hard";
}

bool stage_is_on(const struct rule_settings *settings, enum stage stage)
{
	return stage == STAGE_SOFT ? settings->policy.soft_ns : settings->policy.hard_ns;
}

bool stage_acts(const struct stage_actions *stage)
{
	return stage->exec.count || stage->renices || stage->idle || stage->freeze ||
	       stage->restart;
}

static void print_list(const struct string_list *list, FILE *out)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		fputc(' ', out);
		escape_write(out, list->items[i]);
	}
}

static void print_stage(const struct rule_settings *settings, enum stage which, FILE *out)
{
	const struct maze_policy *policy = &settings->policy;
	const struct stage_actions *stage = &settings->stages[which];
	bool soft = which == STAGE_SOFT;
	int signal = soft ? policy->soft_signal : policy->hard_signal;
	maze_u32 scope = maze_policy_scope(policy->flags);
	char limit[WORDING_SIZE], name[WORDING_SIZE];
	bool warns = soft && maze_policy_warns(policy->flags, policy->soft_signal);

	if (!stage_is_on(settings, which)) {
		fprintf(out, "  %s: off\n", stage_name(which));
		return;
	}
	maze_duration_format(soft ? policy->soft_ns : policy->hard_ns, limit, sizeof(limit));
	maze_signal_format(signal, name, sizeof(name));
	fprintf(out, "  %s: %s %s of CPU %s, signal %s%s", stage_name(which),
		scope ? "at" : "after", limit, scope ? "above the share" : "without sleep", name,
		warns				       ? " if it is handled"
		: scope > MAZE_SCOPE_PROCESS && signal ? " to all its processes"
						       : "");
	if (stage->renices)
		fprintf(out, "; nice %d", stage->renice);
	if (stage->idle)
		fputs("; idle", out);
	if (stage->freeze)
		fputs("; freeze", out);
	if (stage->restart)
		fputs(stage->restart == RESTART_NOW ? "; kill and restart" : "; restart", out);
	if (stage->exec.count) {
		fputs("; run", out);
		print_list(&stage->exec, out);
		maze_duration_format(settings->exec_timeout_ns, limit, sizeof(limit));
		fprintf(out, " (at most %s)", limit);
	}
	fputc('\n', out);
}

static void print_thread_policy(const struct maze_policy *policy, FILE *out)
{
	char text[WORDING_SIZE];

	if (policy->flags & MAZE_POLICY_TO_PROCESS)
		fputs("  signals: to the process\n", out);
	if (policy->recovery == MAZE_RECOVERY_INF)
		fputs("  recovery: inf, a sleep resets the count\n", out);
	else if (maze_recovery_is_for_locks(policy->recovery))
		fprintf(out,
			"  recovery: %s (ns off the count per ns of waiting for a lock); any other "
			"sleep resets the count\n",
			maze_recovery_format(policy->recovery, text, sizeof(text)));
	else
		fprintf(out, "  recovery: each ns asleep takes %s ns off the count\n",
			maze_recovery_format(policy->recovery, text, sizeof(text)));
	fprintf(out, "  yield: sched_yield %s the count\n",
		policy->flags & MAZE_POLICY_YIELD_COUNTS ? "keeps" : "resets");
	fprintf(out, "  inherit: children and new threads start %s\n",
		policy->flags & MAZE_POLICY_INHERIT ? "watched" : "unwatched");
}

void rule_settings_print(const struct rule_settings *settings, FILE *out)
{
	const struct maze_policy *policy = &settings->policy;
	maze_u32 scope = maze_policy_scope(policy->flags);
	char text[WORDING_SIZE];

	if (scope)
		fprintf(out, "  scope: %s, share %s of a CPU\n", maze_policy_scope_name(scope),
			maze_share_format(policy->share, text, sizeof(text)));
	print_stage(settings, STAGE_SOFT, out);
	print_stage(settings, STAGE_HARD, out);
	if (!scope)
		print_thread_policy(policy, out);
	if (settings->no_restart.count &&
	    (settings->stages[STAGE_SOFT].restart || settings->stages[STAGE_HARD].restart)) {
		fputs("  no-restart:", out);
		print_list(&settings->no_restart, out);
		fputc('\n', out);
	}
	if (settings->repeat_count)
		fprintf(out, "  repeat: at most %u record%s of this rule in %s\n",
			settings->repeat_count, settings->repeat_count == 1 ? "" : "s",
			maze_duration_format(settings->repeat_ns, text, sizeof(text)));
	else
		fputs("  repeat: all records are logged\n", out);
	if (settings->max_hard_count && policy->hard_ns)
		fprintf(out,
			"  max-hard: hard verdicts of more than %u process%s in %s put this rule "
			"in shadow\n",
			settings->max_hard_count, settings->max_hard_count == 1 ? "" : "es",
			maze_duration_format(settings->max_hard_ns, text, sizeof(text)));
	if (policy->flags & MAZE_POLICY_SHADOW)
		fputs("  shadow: signals and actions are recorded, but not performed\n", out);
}

/* ---- the keys of [rule] and [defaults] --------------------------------------------- */

static int set_action(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	(void)key;
	if (!strcmp(value, "ignore"))
		target->rule->ignore = true;
	else if (!strcmp(value, "watch"))
		target->rule->ignore = false;
	else
		return maze_fail(error, -EINVAL, "unknown action \"%.64s\"", value);
	return 0;
}

static int set_exec(const struct key *key, struct key_target *target, const char *value,
		    struct maze_error *error)
{
	struct stage_actions *stage = &target->settings->stages[key->detail];
	struct string_list list = { 0 };
	int err = string_list_split(value, &list, error);

	if (err)
		return err;
	/* The path must be absolute, because mazed does not search $PATH. */
	if (list.count && list.items[0][0] != '/') {
		err = maze_fail(error, -EINVAL, "\"%.128s\" is not an absolute path",
				list.items[0]);
		string_list_done(&list);
		return err;
	}
	string_list_done(&stage->exec);
	stage->exec = list;
	return 0;
}

static int set_renice(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	struct stage_actions *stage = &target->settings->stages[key->detail];
	long number = 0;
	int err;

	if (*value) {
		/* setpriority(2) accepts this range. */
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
	return value_yes_no(value, &target->settings->stages[key->detail].idle, error);
}

static int set_freeze(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	return value_yes_no(value, &target->settings->stages[key->detail].freeze, error);
}

static int set_restart(const struct key *key, struct key_target *target, const char *value,
		       struct maze_error *error)
{
	enum restart_mode *mode = &target->settings->stages[key->detail].restart;
	bool yes = false;
	int err;

	if (!strcmp(value, "now")) {
		*mode = RESTART_NOW;
		return 0;
	}
	err = value_yes_no(value, &yes, error);
	if (!err)
		*mode = yes ? RESTART_YES : RESTART_NO;
	return err;
}

static int set_no_restart(const struct key *key, struct key_target *target, const char *value,
			  struct maze_error *error)
{
	struct string_list list = { 0 };
	int err = string_list_split(value, &list, error);
	size_t i;

	(void)key;
	for (i = 0; !err && i < list.count; i++)
		err = glob_check(list.items[i], error);
	if (err) {
		string_list_done(&list);
		return err;
	}
	string_list_done(&target->settings->no_restart);
	target->settings->no_restart = list;
	return 0;
}

static int set_exec_timeout(const struct key *key, struct key_target *target, const char *value,
			    struct maze_error *error)
{
	(void)key;
	return value_duration(value, &target->settings->exec_timeout_ns, error);
}

/* Parses N/DURATION, or the word `off`, which makes both results 0. */
static int parse_rate(const char *value, const char *off, long max, unsigned int *ret_count,
		      maze_u64 *ret_ns, struct maze_error *error)
{
	const char *slash = strchr(value, '/');
	char number[32];
	maze_u64 ns = 0;
	long count = 0;
	int err;

	if (!strcmp(value, off)) {
		*ret_count = 0;
		*ret_ns = 0;
		return 0;
	}
	if (!slash || (size_t)(slash - value) >= sizeof(number))
		return maze_fail(error, -EINVAL, "\"%.64s\" does not have the form N/DURATION",
				 value);
	snprintf(number, sizeof(number), "%.*s", (int)(slash - value), value);
	number[strcspn(number, " \t")] = '\0';
	err = value_number(number, 1, max, &count, error);
	if (!err)
		err = maze_duration_parse(slash + 1, &ns, error);
	if (err)
		return err;
	if (ns < MAZE_LIMIT_MIN_NS || ns > MAZE_LIMIT_MAX_NS)
		return maze_fail(error, -EINVAL, "the time in %.64s is not from 1ms to 366 days",
				 value);
	*ret_count = (unsigned int)count;
	*ret_ns = ns;
	return 0;
}

static int set_repeat(const struct key *key, struct key_target *target, const char *value,
		      struct maze_error *error)
{
	(void)key;
	return parse_rate(value, "0", REPEAT_COUNT_MAX, &target->settings->repeat_count,
			  &target->settings->repeat_ns, error);
}

static int set_max_hard(const struct key *key, struct key_target *target, const char *value,
			struct maze_error *error)
{
	(void)key;
	return parse_rate(value, "off", MAZE_ALLOWANCE_MAX, &target->settings->max_hard_count,
			  &target->settings->max_hard_ns, error);
}

#define BOTH (SECTION_DEFAULTS | SECTION_RULE | SECTION_UNIT)
#define EXEC_FORM "an absolute path and arguments; empty: no command"
#define RENICE_FORM "a nice value from -20 to 19; empty: none"

const struct key rule_keys[] = {
	{ "action", SECTION_RULE | SECTION_UNIT, "watch, or ignore", set_action, 0 },
	{ "soft-exec", BOTH, EXEC_FORM, set_exec, STAGE_SOFT },
	{ "hard-exec", BOTH, EXEC_FORM, set_exec, STAGE_HARD },
	{ "soft-renice", BOTH, RENICE_FORM, set_renice, STAGE_SOFT },
	{ "hard-renice", BOTH, RENICE_FORM, set_renice, STAGE_HARD },
	{ "soft-idle", BOTH, "yes, or no", set_idle, STAGE_SOFT },
	{ "hard-idle", BOTH, "yes, or no", set_idle, STAGE_HARD },
	{ "soft-freeze", BOTH, "yes, or no", set_freeze, STAGE_SOFT },
	{ "hard-freeze", BOTH, "yes, or no", set_freeze, STAGE_HARD },
	{ "soft-restart", BOTH, "yes, now, or no", set_restart, STAGE_SOFT },
	{ "hard-restart", BOTH, "yes, now, or no", set_restart, STAGE_HARD },
	{ "no-restart", BOTH, "globs for names of units", set_no_restart, 0 },
	{ "exec-timeout", BOTH, "a duration such as 30s", set_exec_timeout, 0 },
	{ "repeat", BOTH, "a number and a duration such as 10/1min, or 0 for no limit", set_repeat,
	  0 },
	{ "max-hard", BOTH, "a number from 1 to 64 and a duration such as 3/10min, or off",
	  set_max_hard, 0 },
	{ NULL, 0, NULL, NULL, 0 },
};
