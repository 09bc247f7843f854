/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which rule is a subject's: globs, numbers, the first that matches;
 * and that no fact is asked for which cannot matter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/rules/explain.h"
#include "base/glob.h"
#include "daemon/rules/match.h"

static struct rules *rules_of(const char *text)
{
	struct problems problems;
	struct rules *rules = NULL;

	problems_init(&problems);
	if (rules_parse("t.conf", text, strlen(text), &rules, &problems)) {
		problems_print(&problems, stderr);
		problems_done(&problems);
		fail_msg("refused: %s", text);
	}
	problems_done(&problems);
	return rules;
}

static void subject_fill(struct subject *subject)
{
	memset(subject, 0, sizeof(*subject));
	subject->known = FACT_ALL;
	subject->pid = subject->tid = 42;
	subject->is_main = true;
	subject->uid = 1000;
	subject->gid = 100;
	strcpy(subject->comm, "nginx");
	strcpy(subject->thread_comm, "nginx");
	strcpy(subject->parent_comm, "systemd");
	strcpy(subject->exe, "/usr/sbin/nginx");
	strcpy(subject->cmdline, "nginx: worker process");
	strcpy(subject->cgroup, "/system.slice/nginx.service");
}

/* The name of the subject's rule; "none", or "more". */
static const char *find(const struct rules *rules, const struct subject *subject)
{
	const struct rule *rule = NULL;
	unsigned int missing;

	switch (match_first(rules, MAZE_SCOPE_THREAD, subject, &rule, &missing)) {
	case MATCH_YES:
		return rule->name;
	case MATCH_NO:
		return "none";
	default:
		return "more";
	}
}

/* Whether one rule with these lines matches the subject. */
static void expect(const char *lines, const struct subject *subject, bool matches)
{
	char text[1024];
	struct rules *rules;
	const char *found;
	bool as_wanted;

	snprintf(text, sizeof(text), "[rule it]\n%s\n", lines);
	rules = rules_of(text);
	found = find(rules, subject);
	as_wanted = !strcmp(found, matches ? "it" : "none");
	rules_free(rules);
	if (!as_wanted)
		fail_msg("%s: should %smatch", lines, matches ? "" : "not ");
}

static void globs_are_over_bytes(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "a", "", false },
		{ "a", "a", true },
		{ "a", "A", false },
		{ "a", "ab", false },
		{ "?", "a", true },
		{ "?", "", false },
		{ "?", "\xc3\xa4", false },
		{ "??", "\xc3\xa4", true },
		{ "*", "", true },
		{ "*", "a/b", true },
		{ "a*", "a", true },
		{ "*a", "ba", true },
		{ "*a", "ab", false },
		{ "a*b*c", "a12b34c", true },
		{ "a*b*c", "a12b34", false },
		{ "*ab*ab", "abxab", true },
		{ "*ab*ab", "xab", false },
		{ "**", "a", true },
		{ "[abc]x", "bx", true },
		{ "[abc]x", "dx", false },
		{ "[a-c]", "b", true },
		{ "[a-c]", "d", false },
		{ "[!a-c]", "d", true },
		{ "[^a-c]", "b", false },
		{ "[]]", "]", true },
		{ "[!]]", "]", false },
		{ "[a-]", "-", true },
		{ "[-a]", "-", true },
		{ "[\x80-\xff]", "\xe4", true },
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "\\[a]", "[a]", true },
		{ "*[0-9]", "worker7", true },
		{ "*[0-9]x", "7x8x", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(glob_check(cases[i].pattern, NULL), 0);
		if (glob_matches(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("%s against %s", cases[i].pattern, cases[i].text);
	}
	assert_true(glob_matches_bytes("a?", "abcd", 2));
	assert_int_not_equal(glob_check("[", NULL), 0);
	assert_int_not_equal(glob_check("a[!]", NULL), 0);
	assert_int_not_equal(glob_check("a\\", NULL), 0);
}

/*
 * A matcher that tries all stars would never end here, and the alarm would end it; the
 * bound is 20 million steps.
 */
static void many_stars_are_matched_quickly(void **state)
{
	char pattern[101], text[4097];
	int i;

	(void)state;
	for (i = 0; i < 98; i += 2)
		memcpy(pattern + i, "*a", 2);
	memcpy(pattern + 98, "*b", 3);
	memset(text, 'a', 4096);
	text[4096] = '\0';
	alarm(60);
	for (i = 0; i < 50; i++)
		assert_false(glob_matches(pattern, text));
	alarm(0);
}

static void each_key_compares_its_fact(void **state)
{
	struct subject subject;

	(void)state;
	subject_fill(&subject);
	expect("comm = ngin?", &subject, true);
	expect("comm = apache nginx", &subject, true);
	expect("comm = apache", &subject, false);
	expect("exe = /usr/*/nginx", &subject, true);
	expect("exe = ng*", &subject, true);
	expect("exe = sbin", &subject, false);
	expect("exe = usr/sbin/nginx", &subject, false);
	expect("cmdline = \"*nginx: cache*\" \"*nginx: worker*\"", &subject, true);
	expect("cmdline = *worker", &subject, false);
	expect("cmdline = *ginx: *ess", &subject, true);
	expect("cmdline = '*ginx: *es'", &subject, false);
	expect("cmdline = '*ginx: *s?'", &subject, true);
	expect("cmdline = *", &subject, true);
	expect("user = 1000", &subject, true);
	expect("user = root 1001", &subject, false);
	expect("group = 0 100", &subject, true);
	expect("group = root", &subject, false);
	expect("parent = systemd", &subject, true);
	expect("parent = nginx", &subject, false);
	expect("cgroup = nginx.service", &subject, true);
	expect("cgroup = system.slice", &subject, true);
	expect("cgroup = nginx", &subject, false);
	expect("cgroup = /system.slice", &subject, false);
	expect("cgroup = /system.slice/*", &subject, true);
	expect("cgroup = slice/nginx*", &subject, false);
	subject.uid = 0;
	expect("user = root", &subject, true);
	strcpy(subject.cgroup, "/");
	expect("cgroup = *", &subject, true);
	expect("cgroup = ?*", &subject, false);
	expect("cgroup = ''", &subject, false);
	expect("cgroup = /", &subject, true);
	strcpy(subject.cgroup,
	       "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod5.slice/"
	       "cri-containerd-0a1b.scope");
	expect("cgroup = *-pod5.slice", &subject, true);
	expect("cgroup = cri-containerd-*", &subject, true);
	expect("cgroup = pod5", &subject, false);
}

static void threads_are_distinguished(void **state)
{
	struct subject subject;

	(void)state;
	subject_fill(&subject);
	expect("thread = main", &subject, true);
	expect("thread = all", &subject, true);
	expect("thread = pool-*", &subject, false);
	subject.tid = 43;
	subject.is_main = false;
	strcpy(subject.thread_comm, "pool-7");
	expect("thread = main", &subject, false);
	expect("thread = all", &subject, true);
	expect("thread = main pool-*", &subject, true);
	expect("comm = nginx", &subject, true);
	expect("comm = pool-7", &subject, false);
	strcpy(subject.thread_comm, "main");
	expect("thread = main", &subject, false);
	expect("thread = [m]ain", &subject, true);
}

static void keys_are_anded_and_the_first_rule_wins(void **state)
{
	struct rules *rules = rules_of("[rule a]\ncomm = nginx\nuser = 0\n"
				       "[rule b]\ncomm = nginx\nexe = *nginx\n[rule c]\n");
	struct subject subject;

	(void)state;
	subject_fill(&subject);
	assert_string_equal(find(rules, &subject), "b");
	subject.uid = 0;
	assert_string_equal(find(rules, &subject), "a");
	strcpy(subject.comm, "x");
	assert_string_equal(find(rules, &subject), "c");
	rules_free(rules);
	rules = rules_of("");
	assert_string_equal(find(rules, &subject), "none");
	rules_free(rules);
}

static void only_facts_that_can_matter_are_requested(void **state)
{
	struct rules *rules = rules_of("[rule a]\ncmdline = *x*\ncomm = apache\n"
				       "[rule b]\nexe = nginx\nthread = main\ncgroup = y\n"
				       "[rule c]\nparent = z\n");
	const struct rule *rule = NULL;
	struct subject subject;
	unsigned int missing = 0;

	(void)state;
	assert_int_equal(rules_facts_needed(rules), FACT_CMDLINE | FACT_COMM | FACT_EXE |
							    FACT_THREAD | FACT_CGROUP |
							    FACT_PARENT);
	subject_fill(&subject);
	subject.known = 0;
	assert_int_equal(match_first(rules, MAZE_SCOPE_THREAD, &subject, &rule, &missing),
			 MATCH_MORE);
	assert_int_equal(missing, FACT_COMM);
	assert_int_equal(match_rule(&rules->rules[0], &subject, &missing), MATCH_MORE);
	subject.known = FACT_COMM;
	assert_int_equal(match_rule(&rules->rules[0], &subject, &missing), MATCH_NO);
	assert_int_equal(match_first(rules, MAZE_SCOPE_THREAD, &subject, &rule, &missing),
			 MATCH_MORE);
	assert_int_equal(missing, FACT_THREAD);
	subject.known |= FACT_THREAD;
	assert_int_equal(match_first(rules, MAZE_SCOPE_THREAD, &subject, &rule, &missing),
			 MATCH_MORE);
	assert_int_equal(missing, FACT_CGROUP);
	subject.known |= FACT_CGROUP;
	/* Its cgroup is not y, so the program is never requested. */
	assert_int_equal(match_first(rules, MAZE_SCOPE_THREAD, &subject, &rule, &missing),
			 MATCH_MORE);
	assert_int_equal(missing, FACT_PARENT);
	subject.known |= FACT_PARENT;
	assert_int_equal(match_first(rules, MAZE_SCOPE_THREAD, &subject, &rule, &missing),
			 MATCH_NO);
	rules_free(rules);
}

static char *explanation(const char *text, const struct subject *subject)
{
	struct rules *rules = rules_of(text);
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	assert_non_null(out);
	explain_subject(out, rules, subject, NULL);
	fclose(out);
	rules_free(rules);
	return printed;
}

static void assert_printed(char *printed, const char *wanted)
{
	if (!strstr(printed, wanted))
		fail_msg("not printed: %s\nbut: %s", wanted, printed);
}

static void the_explanation_names_keys_values_and_policy(void **state)
{
	struct subject subject;
	char *printed;

	(void)state;
	subject_fill(&subject);
	strcpy(subject.cmdline, "evil\x1b[1m");
	printed = explanation(
		"[rule a]\ncomm = x y\n[rule b]\nuser = 0 1000\ncomm = z\n"
		"[rule c]\ncgroup = a nginx.*\ncmdline = *ev*\nshadow = yes\nsoft = 1s\n"
		"hard = 0\nsoft-exec = /bin/x y\nyield = count\nrecovery = 1\n"
		"[rule d]\n",
		&subject);
	assert_printed(printed, "process 42, thread 42, its main thread\n");
	assert_printed(printed, "1. rule a (t.conf:1)\n  comm: nginx matches none of x y\n");
	assert_printed(printed, "2. rule b (t.conf:3)\n  comm: nginx does not match z\n"
				"  user: 1000 matches 1000\n");
	assert_printed(printed, "  cgroup: /system.slice/nginx.service matches nginx.*\n");
	assert_printed(printed, "  cmdline: evil\\x1b[1m matches *ev*\n");
	assert_printed(printed,
		       "the other 1 is not checked\nrule c: the thread is watched in shadow\n");
	assert_printed(printed,
		       "  soft: after 1s of CPU without sleep, signal SIGXCPU if it is handled; "
		       "run /bin/x y (at most 30s)\n  hard: off\n"
		       "  recovery: each ns asleep takes 1 ns off the count\n  yield: sched_yield "
		       "keeps the count\n");
	assert_printed(printed, "  shadow: signals and actions are recorded, but not performed\n");
	assert_null(strchr(printed, '\x1b'));
	free(printed);
	printed = explanation("[rule a]\ncomm = nginx\naction = ignore\n", &subject);
	assert_printed(printed, "rule a: the thread is not watched (action = ignore)\n");
	free(printed);
	printed = explanation("[rule a]\ncomm = x\n", &subject);
	assert_printed(printed, "no rule matches: it is not watched\n");
	free(printed);
	subject.known &= ~FACT_EXE;
	printed = explanation("[rule a]\nexe = x\n[rule b]\n", &subject);
	assert_printed(printed, "whether rule a matches is unknown");
	free(printed);
}

static const char *no_match(const char *text, const char *cgroup)
{
	static char reason[1024];
	struct rules *rules = rules_of(text);

	explain_no_match(rules, cgroup, "/x.conf", reason, sizeof(reason));
	rules_free(rules);
	return reason;
}

static void the_reason_for_no_match_says_what_to_write(void **state)
{
	static const char slices[] = "[rule a]\ncgroup = a.slice\naction = ignore\n[rule b]\n"
				     "comm = b\n[rule c]\ncgroup = c.slice\n";

	(void)state;
	assert_non_null(strstr(no_match("", "/"), "\"[rule all]\" to /x.conf.d/local.conf"));
	assert_non_null(strstr(no_match(slices, "/"), "1 of 2 rules"));
	assert_non_null(strstr(no_match(slices, "/"), "\"[rule c]\" to /x.conf.d/local.conf"));
	assert_non_null(strstr(no_match(slices, ""), "no control group of version 2"));
	assert_non_null(strstr(no_match(slices, "/b.slice"), "mazed --explain PID"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_are_over_bytes),
		cmocka_unit_test(many_stars_are_matched_quickly),
		cmocka_unit_test(each_key_compares_its_fact),
		cmocka_unit_test(threads_are_distinguished),
		cmocka_unit_test(keys_are_anded_and_the_first_rule_wins),
		cmocka_unit_test(only_facts_that_can_matter_are_requested),
		cmocka_unit_test(the_explanation_names_keys_values_and_policy),
		cmocka_unit_test(the_reason_for_no_match_says_what_to_write),
	};

	return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
