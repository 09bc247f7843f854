/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Durations, signals, recoveries, shares and policies as text: the exact value of accepted
 * texts, and the message of refused ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/maze.h"

static maze_u64 duration(const char *text)
{
	struct maze_error error = { "" };
	maze_u64 ns = 0;

	if (maze_duration_parse(text, &ns, &error))
		fail_msg("%s: %s", text, error.text);
	return ns;
}

static void refuse_duration(const char *text, int err, const char *because)
{
	struct maze_error error = { "" };
	maze_u64 ns = 42;

	assert_int_equal(maze_duration_parse(text, &ns, &error), err);
	assert_int_equal(ns, 42);
	if (!strstr(error.text, because))
		fail_msg("%s: %s", text, error.text);
}

static void durations_follow_systemd_time(void **state)
{
	(void)state;
	assert_int_equal(duration("500ms"), 500 * MAZE_NSEC_PER_MSEC);
	assert_int_equal(duration("10"), 10 * MAZE_NSEC_PER_SEC);
	assert_int_equal(duration("10s"), 10 * MAZE_NSEC_PER_SEC);
	assert_int_equal(duration("1min 30s"), 90 * MAZE_NSEC_PER_SEC);
	assert_int_equal(duration("1h30m"), 5400 * MAZE_NSEC_PER_SEC);
	assert_int_equal(duration(" 2 hours "), 7200 * MAZE_NSEC_PER_SEC);
	assert_int_equal(duration("1d 1w"), 8 * 86400 * MAZE_NSEC_PER_SEC);
	assert_int_equal(duration("3\xc2\xb5s"), 3000);
	assert_int_equal(duration("0"), 0);
}

static void fractions_are_exact(void **state)
{
	(void)state;
	assert_int_equal(duration("0.1s"), 100 * MAZE_NSEC_PER_MSEC);
	assert_int_equal(duration("1.5ms"), 1500000);
	assert_int_equal(duration("0.000000001s"), 1);
	assert_int_equal(duration("0.3"), 300 * MAZE_NSEC_PER_MSEC);
}

static void invalid_durations_are_refused(void **state)
{
	(void)state;
	refuse_duration("", -EINVAL, "empty");
	refuse_duration("  ", -EINVAL, "empty");
	refuse_duration("10x", -EINVAL, "unknown unit \"x\"");
	refuse_duration("ms", -EINVAL, "expected a number");
	refuse_duration("-1s", -EINVAL, "expected a number");
	refuse_duration("1.s", -EINVAL, "expected a number");
	refuse_duration("1s-", -EINVAL, "expected a number");
	refuse_duration("99999999999999999999s", -ERANGE, "too long");
	refuse_duration("600y", -ERANGE, "too long");
}

static void a_printed_duration_reads_back_the_same(void **state)
{
	const maze_u64 values[] = { 0,
				    1,
				    999,
				    1000,
				    1500,
				    1000000,
				    1000001,
				    200034251,
				    MAZE_NSEC_PER_SEC,
				    90 * MAZE_NSEC_PER_SEC,
				    86400000000001ULL,
				    ~0ULL };
	char text[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_int_equal(duration(maze_duration_format(values[i], text, sizeof(text))),
				 values[i]);
	assert_string_equal(maze_duration_format(90 * MAZE_NSEC_PER_SEC, text, sizeof(text)),
			    "1min 30s");
	assert_string_equal(maze_duration_format(250 * MAZE_NSEC_PER_MSEC, text, sizeof(text)),
			    "250ms");
}

static int signal_of(const char *text)
{
	int number = -1;

	return maze_signal_parse(text, &number, NULL) ? -1 : number;
}

static void signals_have_names_and_numbers(void **state)
{
	char name[32];
	int number;

	(void)state;
	assert_int_equal(signal_of("KILL"), SIGKILL);
	assert_int_equal(signal_of("sigkill"), SIGKILL);
	assert_int_equal(signal_of("9"), 9);
	assert_int_equal(signal_of("0"), 0);
	assert_int_equal(signal_of("none"), 0);
	assert_int_equal(signal_of("RTMIN+3"), SIGRTMIN + 3);
	assert_int_equal(signal_of("RTMAX"), SIGRTMAX);
	for (number = 0; number <= MAZE_SIGNAL_MAX; number++)
		assert_int_equal(signal_of(maze_signal_format(number, name, sizeof(name))), number);
}

static void invalid_signals_are_refused(void **state)
{
	const char *const none[] = { "",	 "99",	    "65",      "-1", "KIL", "SIG",
				     "RTMIN+99", "RTMIN-1", "RTMAX+1", "9 ", "0x9" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (signal_of(none[i]) != -1)
			fail_msg("\"%s\" was accepted as a signal", none[i]);
}

static void recoveries_are_ratios(void **state)
{
	maze_u32 recovery = 0;
	char text[32];

	(void)state;
	assert_int_equal(maze_recovery_parse("inf", &recovery, NULL), 0);
	assert_int_equal(recovery, MAZE_RECOVERY_INF);
	assert_int_equal(maze_recovery_parse("1", &recovery, NULL), 0);
	assert_int_equal(recovery, MAZE_RECOVERY_ONE);
	assert_int_equal(maze_recovery_parse("0.25", &recovery, NULL), 0);
	assert_int_equal(recovery, MAZE_RECOVERY_ONE / 4);
	assert_int_equal(maze_recovery_parse("1000", &recovery, NULL), 0);
	assert_string_equal(maze_recovery_format(MAZE_RECOVERY_ONE / 4, text, sizeof(text)),
			    "0.25");
	assert_int_equal(maze_recovery_parse("lock:29", &recovery, NULL), 0);
	assert_int_equal(recovery, MAZE_RECOVERY_LOCK | 29 * MAZE_RECOVERY_ONE);
	assert_string_equal(maze_recovery_format(recovery, text, sizeof(text)), "lock:29");
	assert_int_equal(maze_recovery_parse("lock:", &recovery, NULL), -EINVAL);
	assert_int_equal(maze_recovery_parse("lock:0", &recovery, NULL), -EINVAL);
	assert_int_equal(maze_recovery_parse("lock:inf", &recovery, NULL), -EINVAL);
	assert_int_equal(maze_recovery_parse("lock", &recovery, NULL), -EINVAL);
	assert_int_equal(maze_recovery_parse("0", &recovery, NULL), -EINVAL);
	assert_int_equal(maze_recovery_parse("-1", &recovery, NULL), -EINVAL);
	assert_int_equal(maze_recovery_parse("1000.1", &recovery, NULL), -EINVAL);
	assert_int_equal(maze_recovery_parse("1x", &recovery, NULL), -EINVAL);
	assert_int_equal(maze_recovery_parse("", &recovery, NULL), -EINVAL);
}

static void shares_are_percentages_of_a_cpu(void **state)
{
	static const char *const invalid[] = { "",     "90",  "0%",  "0.9%",	"-1%",
					       "90%%", "9x%", "inf", "819201%", "8192001%" };
	char text[32], again[32];
	maze_u32 share = 0, parsed;
	size_t i;

	(void)state;
	assert_int_equal(maze_share_parse("100%", &share, NULL), 0);
	assert_int_equal(share, MAZE_SHARE_ONE);
	assert_int_equal(maze_share_parse("150%", &share, NULL), 0);
	assert_int_equal(share, MAZE_SHARE_ONE * 3 / 2);
	assert_int_equal(maze_share_parse("819200%", &share, NULL), 0);
	assert_int_equal(share, MAZE_SHARE_MAX);
	assert_int_equal(maze_share_parse("1%", &share, NULL), 0);
	assert_string_equal(maze_share_format(share, text, sizeof(text)), "1%");
	assert_int_equal(maze_share_parse("90%", &share, NULL), 0);
	assert_string_equal(maze_share_format(share, text, sizeof(text)), "90%");
	for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		if (maze_share_parse(invalid[i], &share, NULL) != -EINVAL)
			fail_msg("\"%s\" was accepted as a share", invalid[i]);
	/* Each share from 1 % on is printed exactly. */
	for (share = MAZE_SHARE_ONE / 100 + 1; share <= 2 * MAZE_SHARE_ONE; share++) {
		maze_share_format(share, text, sizeof(text));
		assert_int_equal(maze_share_parse(text, &parsed, NULL), 0);
		assert_int_equal(parsed, share);
		assert_string_equal(maze_share_format(parsed, again, sizeof(again)), text);
	}
}

static void the_default_policy_is_the_example_of_2008_with_warn(void **state)
{
	struct maze_policy policy;

	(void)state;
	maze_policy_default(&policy);
	assert_int_equal(policy.soft_ns, 10 * MAZE_NSEC_PER_SEC);
	assert_int_equal(policy.hard_ns, 20 * MAZE_NSEC_PER_SEC);
	assert_int_equal(policy.soft_signal, 24);
	assert_int_equal(policy.hard_signal, 9);
	assert_int_equal(policy.flags, MAZE_POLICY_INHERIT | MAZE_POLICY_WARN);
	assert_int_equal(maze_policy_explain(&policy, NULL), 0);
}

static void each_key_sets_its_member(void **state)
{
	struct maze_policy policy;

	(void)state;
	maze_policy_default(&policy);
	assert_int_equal(maze_policy_set(&policy, "soft", "1s", NULL), 0);
	assert_int_equal(maze_policy_set(&policy, "hard-signal", "TERM", NULL), 0);
	assert_int_equal(maze_policy_set(&policy, "yield", "count", NULL), 0);
	assert_int_equal(maze_policy_set(&policy, "no-inherit", NULL, NULL), 0);
	assert_int_equal(maze_policy_set(&policy, "shadow", "yes", NULL), 0);
	assert_int_equal(policy.soft_ns, MAZE_NSEC_PER_SEC);
	assert_int_equal(policy.hard_signal, SIGTERM);
	assert_int_equal(policy.flags,
			 MAZE_POLICY_YIELD_COUNTS | MAZE_POLICY_SHADOW | MAZE_POLICY_WARN);
	assert_int_equal(maze_policy_set(&policy, "inherit", "yes", NULL), 0);
	assert_int_equal(maze_policy_set(&policy, "shadow", "no", NULL), 0);
	assert_int_equal(policy.flags,
			 MAZE_POLICY_YIELD_COUNTS | MAZE_POLICY_INHERIT | MAZE_POLICY_WARN);
	assert_int_equal(maze_policy_set(&policy, "sotf", "1s", NULL), -ENOENT);
	assert_int_equal(maze_policy_set(&policy, "soft", NULL, NULL), -EINVAL);
	assert_int_equal(maze_policy_set(&policy, "shadow", "maybe", NULL), -EINVAL);
}

/* A signal chosen by name is sent in any case, also if it is the warning's signal. */
static void a_soft_signal_by_name_is_not_a_warning(void **state)
{
	struct maze_policy policy;
	char buf[32];

	(void)state;
	maze_policy_default(&policy);
	assert_string_equal(
		maze_soft_signal_format(policy.flags, policy.soft_signal, buf, sizeof(buf)),
		"warn");
	assert_int_equal(maze_policy_set(&policy, "soft-signal", "XCPU", NULL), 0);
	assert_int_equal(policy.soft_signal, SIGXCPU);
	assert_false(maze_policy_warns(policy.flags, policy.soft_signal));
	assert_string_equal(
		maze_soft_signal_format(policy.flags, policy.soft_signal, buf, sizeof(buf)),
		"SIGXCPU");
	assert_int_equal(maze_policy_set(&policy, "soft-signal", "Warn", NULL), 0);
	assert_true(maze_policy_warns(policy.flags, policy.soft_signal));
	assert_int_equal(maze_policy_set(&policy, "soft-signal", "0", NULL), 0);
	assert_false(maze_policy_warns(policy.flags, policy.soft_signal));
	assert_int_equal(maze_policy_set(&policy, "soft-signal", "warning", NULL), -EINVAL);
	assert_int_equal(maze_policy_set(&policy, "hard-signal", "warn", NULL), -EINVAL);
}

#define UNSET ~0ULL

static void derive(maze_u64 soft_ns, maze_u64 hard_ns, maze_u64 wanted_soft_ns,
		   maze_u64 wanted_hard_ns)
{
	struct maze_policy policy;

	maze_policy_default(&policy);
	if (soft_ns != UNSET)
		policy.soft_ns = soft_ns;
	if (hard_ns != UNSET)
		policy.hard_ns = hard_ns;
	maze_policy_derive_limit(&policy, soft_ns != UNSET, hard_ns != UNSET);
	assert_int_equal(policy.soft_ns, wanted_soft_ns);
	assert_int_equal(policy.hard_ns, wanted_hard_ns);
}

static void one_limit_derives_the_other(void **state)
{
	const maze_u64 s = MAZE_NSEC_PER_SEC;

	(void)state;
	derive(UNSET, UNSET, 10 * s, 20 * s);
	derive(30 * s, UNSET, 30 * s, 60 * s);
	derive(UNSET, 5 * s, 5 * s / 2, 5 * s);
	derive(3 * s, 4 * s, 3 * s, 4 * s);
	derive(0, UNSET, 0, 20 * s);
	derive(UNSET, 0, 10 * s, 0);
	/* The derived limit is in range whenever the given one is. */
	derive(UNSET, MAZE_LIMIT_MIN_NS, MAZE_LIMIT_MIN_NS, MAZE_LIMIT_MIN_NS);
	derive(MAZE_LIMIT_MAX_NS, UNSET, MAZE_LIMIT_MAX_NS, MAZE_LIMIT_MAX_NS);
	derive(~1ULL, UNSET, ~1ULL, MAZE_LIMIT_MAX_NS);
}

static void explain(maze_u64 soft_ns, maze_u64 hard_ns, const char *because)
{
	struct maze_error error = { "" };
	struct maze_policy policy;

	maze_policy_default(&policy);
	policy.soft_ns = soft_ns;
	policy.hard_ns = hard_ns;
	assert_int_equal(maze_policy_explain(&policy, &error), because ? -EINVAL : 0);
	if (because && !strstr(error.text, because))
		fail_msg("%s", error.text);
}

static void a_policy_out_of_range_is_explained(void **state)
{
	(void)state;
	explain(MAZE_LIMIT_MIN_NS, MAZE_LIMIT_MAX_NS, NULL);
	explain(MAZE_LIMIT_MIN_NS - 1, 0, "below 1ms");
	explain(0, MAZE_LIMIT_MIN_NS - 1, "hard limit");
	explain(MAZE_LIMIT_MAX_NS + 1, 0, "above 366 days");
	explain(2 * MAZE_NSEC_PER_SEC, MAZE_NSEC_PER_SEC,
		"hard limit 1s is below the soft limit 2s");
	explain(0, 0, "both limits are 0");
}

/* Sets the keys of a command line such as "scope=tree share=90% kill", then completes. */
static int complete(const char *line, struct maze_policy *policy, struct maze_error *error)
{
	char text[256], *word, *rest = text, *value;
	maze_u32 given = 0;

	snprintf(text, sizeof(text), "%s", line);
	maze_policy_default(policy);
	while ((word = strsep(&rest, " "))) {
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		if (maze_policy_set(policy, word, value, error))
			fail_msg("%s: %s", word, error->text);
		given |= maze_policy_given(word);
	}
	return maze_policy_complete(policy, given, error);
}

static void policies_of_groups_are_completed(void **state)
{
	struct maze_error error = { "" };
	struct maze_policy policy;

	(void)state;
	assert_int_equal(complete("scope=process share=90% soft=10s", &policy, &error), 0);
	assert_int_equal(maze_policy_scope(policy.flags), MAZE_SCOPE_PROCESS);
	assert_int_equal(policy.share, 58982);
	assert_int_equal(policy.hard_ns, 20 * MAZE_NSEC_PER_SEC);
	assert_true(policy.flags & MAZE_POLICY_TO_PROCESS);
	assert_true(maze_policy_warns(policy.flags, policy.soft_signal));
	assert_int_equal(policy.hard_signal, SIGKILL);
	assert_int_equal(complete("scope=tree share=150%", &policy, &error), 0);
	assert_int_equal(policy.soft_signal, 0);
	assert_int_equal(policy.hard_signal, 0);
	assert_int_equal(complete("scope=cgroup share=150% kill shadow", &policy, &error), 0);
	assert_int_equal(policy.soft_signal, 0);
	assert_int_equal(policy.hard_signal, SIGKILL);
	assert_true(policy.flags & MAZE_POLICY_SHADOW);
	assert_int_equal(complete("scope=cgroup share=150% kill=no", &policy, &error), 0);
	assert_int_equal(policy.hard_signal, 0);
	/* The order of the keys has no effect. */
	assert_int_equal(complete("kill share=20% scope=tree", &policy, &error), 0);
	assert_int_equal(policy.hard_signal, SIGKILL);
	assert_int_equal(complete("soft=1s", &policy, &error), 0);
	assert_int_equal(maze_policy_scope(policy.flags), MAZE_SCOPE_THREAD);
	assert_int_equal(policy.hard_ns, 2 * MAZE_NSEC_PER_SEC);
}

static void keys_that_contradict_each_other_are_explained(void **state)
{
	static const struct {
		const char *line, *because;
	} cases[] = {
		{ "share=90%", "share is for groups" },
		{ "kill", "kill is for groups" },
		{ "scope=thread share=90%", "share is for groups" },
		{ "scope=tree", "scope tree needs a share" },
		{ "scope=tree share=90% recovery=1", "recovery is for scope thread" },
		{ "scope=process share=90% yield=count", "yield is for scope thread" },
		{ "scope=cgroup share=90% no-inherit", "no-inherit is for scope thread" },
		{ "scope=cgroup share=90% inherit", "inherit is for scope thread" },
		{ "scope=process share=90% kill", "hard-signal KILL does that" },
		{ "scope=process share=90% signal-to=thread", "signals go to the process" },
		{ "scope=tree share=90% soft-signal=TERM", "soft-signal is for one thread" },
		{ "scope=tree share=90% hard-signal=KILL", "hard-signal is for one thread" },
		{ "scope=cgroup share=90% signal-to=process", "signal-to is for one thread" },
		{ "scope=tree share=90% soft=0 hard=0", "both limits are 0" },
		{ "scope=tree share=90% soft=2s hard=1s", "below the soft limit" },
	};
	struct maze_error error;
	struct maze_policy policy;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		error.text[0] = '\0';
		if (complete(cases[i].line, &policy, &error) != -EINVAL ||
		    !strstr(error.text, cases[i].because))
			fail_msg("%s: \"%s\"", cases[i].line, error.text);
	}
	maze_policy_default(&policy);
	assert_int_equal(maze_policy_set(&policy, "scope", "slice", &error), -EINVAL);
	assert_non_null(strstr(error.text, "thread, process, tree or cgroup"));
	assert_int_equal(maze_policy_set(&policy, "scope", NULL, NULL), -EINVAL);
	assert_int_equal(maze_policy_set(&policy, "kill", "maybe", NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_follow_systemd_time),
		cmocka_unit_test(fractions_are_exact),
		cmocka_unit_test(invalid_durations_are_refused),
		cmocka_unit_test(a_printed_duration_reads_back_the_same),
		cmocka_unit_test(signals_have_names_and_numbers),
		cmocka_unit_test(invalid_signals_are_refused),
		cmocka_unit_test(recoveries_are_ratios),
		cmocka_unit_test(shares_are_percentages_of_a_cpu),
		cmocka_unit_test(the_default_policy_is_the_example_of_2008_with_warn),
		cmocka_unit_test(each_key_sets_its_member),
		cmocka_unit_test(a_soft_signal_by_name_is_not_a_warning),
		cmocka_unit_test(one_limit_derives_the_other),
		cmocka_unit_test(a_policy_out_of_range_is_explained),
		cmocka_unit_test(policies_of_groups_are_completed),
		cmocka_unit_test(keys_that_contradict_each_other_are_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
