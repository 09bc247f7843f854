/* SPDX-License-Identifier: GPL-2.0-only */
/* maze.conf(5): the rules of a text; refusals with line, key and message; and notes. */
#include "rules_case.h"

static void a_rule_is_the_defaults_and_its_own_keys(void **state)
{
	struct fixture *fixture = *state;
	const struct rule_settings *settings;

	accept(fixture, "[defaults]\nsoft = 3s\nshadow = yes\nyield = count\nrepeat = 5/2min\n"
			"[rule a]\ncomm = x\nsoft = 1s\nhard-signal = TERM\n[rule b]\n");
	assert_int_equal(fixture->rules->count, 2);
	settings = &fixture->rules->rules[0].settings;
	assert_int_equal(settings->policy.soft_ns, MAZE_NSEC_PER_SEC);
	assert_int_equal(settings->policy.hard_ns, 2 * MAZE_NSEC_PER_SEC);
	assert_int_equal(settings->policy.hard_signal, SIGTERM);
	assert_int_equal(settings->policy.flags, MAZE_POLICY_SHADOW | MAZE_POLICY_YIELD_COUNTS |
							 MAZE_POLICY_INHERIT | MAZE_POLICY_WARN);
	assert_int_equal(settings->repeat_count, 5);
	assert_int_equal(settings->repeat_ns, 120 * MAZE_NSEC_PER_SEC);
	settings = &fixture->rules->rules[1].settings;
	assert_int_equal(settings->policy.soft_ns, 3 * MAZE_NSEC_PER_SEC);
	assert_int_equal(settings->policy.hard_signal, SIGKILL);
	assert_string_equal(fixture->rules->rules[1].name, "b");
	assert_int_equal(fixture->rules->rules[1].line, 10);
	assert_int_equal(fixture->rules->rules[1].facts, 0);
	assert_int_equal(fixture->problems.count, 0);
}

static void a_rule_has_a_breaker_unless_it_is_off(void **state)
{
	struct fixture *fixture = *state;

	accept(fixture, "[rule a]\n[rule b]\nmax-hard = off\n[rule c]\nmax-hard = 64/1h\n");
	assert_int_equal(fixture->rules->rules[0].settings.max_hard_count, 3);
	assert_int_equal(fixture->rules->rules[0].settings.max_hard_ns, 600 * MAZE_NSEC_PER_SEC);
	assert_int_equal(fixture->rules->rules[1].settings.max_hard_count, 0);
	assert_int_equal(fixture->rules->rules[2].settings.max_hard_count, 64);
	assert_int_equal(fixture->rules->rules[2].settings.max_hard_ns, 3600 * MAZE_NSEC_PER_SEC);
	accept(fixture, "[defaults]\nmax-hard = 1/2s\n[rule a]\n");
	assert_int_equal(fixture->rules->rules[0].settings.max_hard_count, 1);
}

static bool is_shadow(const struct fixture *fixture, size_t rule)
{
	return fixture->rules->rules[rule].settings.policy.flags & MAZE_POLICY_SHADOW;
}

/* The last one counts, wherever the rule is. Other keys of the rule stay. */
static void a_mode_changes_whether_a_rule_enforces(void **state)
{
	struct fixture *fixture = *state;

	accept(fixture, "[mode a]\nshadow = no\n[defaults]\nshadow = yes\n"
			"[rule a]\nsoft = 3s\n[rule b]\nshadow = no\n[rule c]\n"
			"[mode b]\nshadow = no\n[mode b]\nshadow = yes\n");
	assert_false(is_shadow(fixture, 0));
	assert_true(is_shadow(fixture, 1) && fixture->rules->rules[1].shadow);
	assert_true(is_shadow(fixture, 2));
	assert_int_equal(fixture->rules->rules[0].settings.policy.soft_ns, 3 * MAZE_NSEC_PER_SEC);
	assert_int_equal(fixture->rules->rules[1].mode_line, 12);
	assert_null(fixture->rules->rules[2].mode_file);
	accept(fixture, "[rule a]\n[mode b]\nshadow = yes\n");
	assert_int_equal(fixture->problems.notes, 1);
	assert_non_null(strstr(fixture->problems.items[0].text, "no rule has this name"));
	refuse(fixture, "[rule a]\n[mode a]\nsoft = 1s\n", 3, "soft", "known keys: shadow");
	refuse(fixture, "[rule a]\n[mode a]\nshadow = maybe\n", 3, "shadow", "accepted: yes");
	refuse(fixture, "[mode]\nshadow = yes\n", 1, NULL, "unknown section [mode]");
}

static void defaults_hold_for_rules_before_them(void **state)
{
	struct fixture *fixture = *state;

	accept(fixture, "[rule a]\n[defaults]\nsoft = 3s\n");
	assert_int_equal(fixture->rules->rules[0].settings.policy.soft_ns, 3 * MAZE_NSEC_PER_SEC);
}

static void limits(const struct fixture *fixture, size_t rule, maze_u64 soft_s, maze_u64 hard_s)
{
	const struct maze_policy *policy = &fixture->rules->rules[rule].settings.policy;

	assert_int_equal(policy->soft_ns, soft_s * MAZE_NSEC_PER_SEC);
	assert_int_equal(policy->hard_ns, hard_s * MAZE_NSEC_PER_SEC);
}

static void one_limit_derives_the_other(void **state)
{
	struct fixture *fixture = *state;

	accept(fixture,
	       "[rule a]\nsoft = 30s\n[rule b]\nhard = 6s\n[rule c]\nhard = 0\n[rule d]\n");
	limits(fixture, 0, 30, 60);
	limits(fixture, 1, 3, 6);
	limits(fixture, 2, 10, 0);
	limits(fixture, 3, 10, 20);
	accept(fixture,
	       "[defaults]\nhard = 60s\n[rule a]\nsoft = 4s\n[rule b]\n[rule c]\nhard = 50s\n");
	limits(fixture, 0, 4, 60);
	limits(fixture, 1, 30, 60);
	limits(fixture, 2, 25, 50);
}

static void each_stage_has_its_actions(void **state)
{
	struct fixture *fixture = *state;
	const struct stage_actions *soft, *hard;

	accept(fixture,
	       "[defaults]\nsoft-exec = /bin/a\nhard-renice = 3\nhard-restart = now\n"
	       "no-restart = a*\n"
	       "[rule a]\nsoft-exec = /bin/b \"x y\" '' -z\nhard-renice =\nhard-idle = yes\n"
	       "soft-freeze = on\nsoft-renice = -20\nexec-timeout = 5s\nsoft-restart = yes\n"
	       "hard-restart = no\nno-restart = db-*.service \"x y\"\n[rule b]\n"
	       "[rule c]\nhard-signal = KILL\nhard-restart = yes\n");
	soft = &fixture->rules->rules[0].settings.stages[STAGE_SOFT];
	hard = &fixture->rules->rules[0].settings.stages[STAGE_HARD];
	assert_int_equal(soft->exec.count, 4);
	assert_string_equal(soft->exec.items[0], "/bin/b");
	assert_string_equal(soft->exec.items[1], "x y");
	assert_string_equal(soft->exec.items[2], "");
	assert_null(soft->exec.items[4]);
	assert_true(soft->renices && soft->renice == -20 && soft->freeze && !soft->idle);
	assert_true(soft->restart == RESTART_YES && hard->restart == RESTART_NO);
	assert_int_equal(fixture->rules->rules[0].settings.no_restart.count, 2);
	assert_true(!hard->renices && hard->idle && !hard->freeze && !hard->exec.count);
	assert_int_equal(fixture->rules->rules[0].settings.exec_timeout_ns, 5 * MAZE_NSEC_PER_SEC);
	soft = &fixture->rules->rules[1].settings.stages[STAGE_SOFT];
	assert_string_equal(soft->exec.items[0], "/bin/a");
	assert_int_equal(fixture->rules->rules[1].settings.stages[STAGE_HARD].renice, 3);
	/* A restart takes the place of the signal, unless the rule itself names one. */
	assert_int_equal(fixture->rules->rules[0].settings.policy.hard_signal, SIGKILL);
	assert_int_equal(fixture->rules->rules[1].settings.policy.hard_signal, 0);
	assert_int_equal(fixture->rules->rules[1].settings.stages[STAGE_HARD].restart, RESTART_NOW);
	assert_string_equal(fixture->rules->rules[1].settings.no_restart.items[0], "a*");
	assert_int_equal(fixture->rules->rules[2].settings.policy.hard_signal, SIGKILL);
}

static void lists_quotes_comments_and_continued_lines_are_parsed(void **state)
{
	struct fixture *fixture = *state;
	const struct string_list *comm, *cmdline;

	accept(fixture, "\xef\xbb\xbf# first\r\n[rule a] ; c\r\ncomm = a \"b c\" ; comment\r\n"
			"\t'd\"e'\r\n  # between\r\n\r\n  f\\*\r\n  [gh] i=j\n"
			"cmdline: \"*a  b\"\n  *[de]\n");
	comm = &condition(fixture, CONDITION_COMM)->words;
	assert_int_equal(comm->count, 6);
	assert_string_equal(comm->items[1], "b c");
	assert_string_equal(comm->items[2], "d\"e");
	assert_string_equal(comm->items[3], "f\\*");
	assert_string_equal(comm->items[4], "[gh]");
	assert_string_equal(comm->items[5], "i=j");
	cmdline = &condition(fixture, CONDITION_CMDLINE)->words;
	assert_int_equal(cmdline->count, 2);
	assert_string_equal(cmdline->items[0], "*a  b");
	assert_string_equal(cmdline->items[1], "*[de]");
	assert_int_equal(fixture->rules->count, 1);
}

/* A line before a section's header cannot be continued after it. */
static void a_header_ends_a_continued_line(void **state)
{
	struct fixture *fixture = *state;
	const struct rule *second;

	accept(fixture, "[rule a]\ncomm = x\n[rule b]\n user = 0\n");
	second = &fixture->rules->rules[1];
	assert_int_equal(condition(fixture, CONDITION_COMM)->words.count, 1);
	assert_true(second->conditions[CONDITION_USER].given);
	assert_false(second->conditions[CONDITION_COMM].given);
}

static void the_keys_of_the_daemon_are_parsed(void **state)
{
	struct fixture *fixture = *state;

	accept(fixture, "");
	assert_int_equal(fixture->rules->daemon.log, DAEMON_LOG_AUTO);
	accept(fixture, "[daemon]\nlog = /x\n[daemon]\nlog = journal\n");
	assert_int_equal(fixture->rules->daemon.log, DAEMON_LOG_JOURNAL);
	assert_null(fixture->rules->daemon.log_path);
	accept(fixture, "[daemon]\nlog = stderr\n");
	assert_int_equal(fixture->rules->daemon.log, DAEMON_LOG_STDERR);
	accept(fixture, "");
	assert_string_equal(fixture->rules->daemon.control_socket, "/run/maze/control.sock");
	accept(fixture, "[daemon]\nlog = /var/log/maze\ncontrol-socket = /run/x\n"
			"entries-per-user = 0\nclients = 3\n");
	assert_int_equal(fixture->rules->daemon.log, DAEMON_LOG_FILE);
	assert_string_equal(fixture->rules->daemon.log_path, "/var/log/maze");
	assert_string_equal(fixture->rules->daemon.control_socket, "/run/x");
	assert_int_equal(fixture->rules->daemon.entries_per_user, 0);
	assert_int_equal(fixture->rules->daemon.clients, 3);
	refuse(fixture, "[daemon]\nsoft = 1s\n", 2, "soft",
	       "unknown key in [daemon]; known keys: "
	       "log control-socket");
	refuse(fixture, "[daemon]\nclients = 0", 2, "clients", "not a number from 1 to 512");
	refuse(fixture, "[daemon]\nlog = file", 2, "log",
	       "accepted: auto, journal, stderr, syslog");
	refuse(fixture, "[daemon]\ncontrol-socket = x", 2, "control-socket", "absolute");
}

static void malformed_lines_are_refused(void **state)
{
	struct fixture *fixture = *state;

	refuse(fixture, "soft = 1s\n", 1, "soft", "before the first section");
	refuse(fixture, "[rule a]\n\nnonsense\n", 3, NULL, "expected [SECTION]");
	refuse(fixture, "[rule a]\nnonsense", 2, NULL, "expected [SECTION]");
	refuse(fixture, "[rule a]\n= 3\n", 2, NULL, "missing key before");
	refuse(fixture, "[rule a\n", 1, NULL, "name in brackets");
	refuse(fixture, "[rule a] b\n", 1, NULL, "only the name");
	refuse(fixture, "[rules a]\nfoo = 1\n", 1, NULL, "unknown section [rules a]");
	refuse(fixture, "[rule]\n", 1, NULL, "unknown section [rule]");
	refuse(fixture, "[rule a b]\n", 1, NULL, "letters, digits");
	refuse(fixture, "[rule a]\n\n[rule a]\n", 3, NULL, "first defined in line 1");
	refuse(fixture, "[rule a]\ncomm = a\nsfot = 1s\n", 3, "sfot", "unknown key in [rule NAME]");
	refuse(fixture, "[defaults]\ncomm = a\n", 2, "comm", "unknown key in [defaults]");
	refuse(fixture, "[rule a]\ncomm = a\nuser = 0\ncomm = b\n", 4, "comm",
	       "first set in line 2");
	refuse(fixture, "[rule a]\ncomm = a\n soft = 1s\n", 3, NULL, "remove the blank");
	assert_int_equal(
		rules_parse("t.conf", "[rule a]\0x", 10, &fixture->rules, &fixture->problems),
		-EINVAL);
}

static void refusals_name_the_accepted_form(void **state)
{
	struct fixture *fixture = *state;

	refuse(fixture, "[rule a]\nsoft = 10x\n", 2, "soft", "accepted: a duration such as");
	refuse(fixture, "[rule a]\nhard-signal = NOPE\n", 2, "hard-signal", "accepted: a signal");
	refuse(fixture, "[rule a]\nshadow = maybe\n", 2, "shadow", "accepted: yes, or no");
	refuse(fixture, "[rule a]\nsoft-exec = ls -l\n", 2, "soft-exec", "not an absolute path");
	refuse(fixture, "[rule a]\nsoft-exec = /a \"b\n", 2, "soft-exec", "unterminated quote");
	refuse(fixture, "[rule a]\nhard-renice = 20\n", 2, "hard-renice", "from -20 to 19");
	refuse(fixture, "[rule a]\nrepeat = 5\n", 2, "repeat", "accepted: a number and a duration");
	refuse(fixture, "[rule a]\nrepeat = 0/1s\n", 2, "repeat", "from 1 to");
	refuse(fixture, "[rule a]\nrepeat = 1/0\n", 2, "repeat", "not from 1ms");
	refuse(fixture, "[rule a]\nmax-hard = 65/1h\n", 2, "max-hard", "from 1 to 64");
	refuse(fixture, "[rule a]\nmax-hard = 0\n", 2, "max-hard", "or off");
	refuse(fixture, "[rule a]\nexec-timeout = 0\n", 2, "exec-timeout", "not from 1ms");
	refuse(fixture, "[rule a]\naction = kill\n", 2, "action", "accepted: watch, or ignore");
	refuse(fixture, "[rule a]\ncomm =\n", 2, "comm", "empty");
	refuse(fixture, "[rule a]\ncmdline =\n", 2, "cmdline", "empty");
	refuse(fixture, "[rule a]\ncomm = gcc # compiler\n", 2, "comm",
	       "# does not begin a comment");
	refuse(fixture, "[rule a]\ncomm = [a\n", 2, "comm", "unterminated set");
	refuse(fixture, "[rule a]\nexe = a\\\n", 2, "exe", "ends in a backslash");
	refuse(fixture, "[rule a]\nuser = no-such-user-here\n", 2, "user", "there is no user");
	refuse(fixture, "[rule a]\ngroup = 4294967295\n", 2, "group", "the maximum is 4294967294");
	refuse(fixture, "[rule a]\ncmdline = *[a\n", 2, "cmdline", "unterminated set");
}

/* 0.1.0 took these. As globs they would match other processes. */
static void cmdline_takes_no_regular_expression(void **state)
{
	static const char *const expressions[] = { "(a",    "needle",	 "^/usr/bin/borg create$",
						   ".*a",   "a*",	 "*b a",
						   "[ab]*", "\\*needle", "(a+)+$" };
	struct fixture *fixture = *state;
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		snprintf(text, sizeof(text), "[rule a]\ncmdline = %s\n", expressions[i]);
		refuse(fixture, text, 2, "cmdline",
		       "does not begin with *; regular expressions are not accepted; accepted: "
		       "globs on the whole command line");
	}
}

static void contradictions_are_refused_once(void **state)
{
	struct fixture *fixture = *state;

	refuse(fixture, "[defaults]\nhard = 5s\n[rule a]\nsoft = 30s\n", 4, "soft", "below");
	refuse(fixture, "[rule a]\nsoft = 30s\nhard = 5s\n", 3, "hard", "below the soft limit");
	refuse(fixture, "[rule a]\n[defaults]\nsoft = 9s\nhard = 5s\n[rule b]\n", 4, "hard",
	       "below");
	assert_int_equal(fixture->problems.errors, 1);
	refuse(fixture, "[defaults]\nsoft = 10x\n[rule b]\n[rule c]\n", 2, "soft", "unknown unit");
	assert_int_equal(fixture->problems.errors, 1);
	accept(fixture, "[rule a]\naction = ignore\nsoft = 30s\n");
}

static void every_fault_is_reported_in_order(void **state)
{
	struct fixture *fixture = *state;
	static const unsigned int lines[] = { 2, 3, 4, 6 };
	size_t i;

	refuse(fixture, "[rule a]\nsoft = x\nnonsense\ncomm = [\n[defaults]\nhard = y\n", 2, "soft",
	       "");
	assert_int_equal(fixture->problems.count, 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(fixture->problems.items[i].line, lines[i]);
}

static void a_long_line_is_refused_and_none_is_cut(void **state)
{
	struct fixture *fixture = *state;
	char text[512];
	int i, refused = 0;

	for (i = 100; i < 300; i++) {
		snprintf(text, sizeof(text), "[rule a]\ncomm = %0*d\nuser = 0\n", i, 7);
		forget(fixture);
		if (!rules_parse("t.conf", text, strlen(text), &fixture->rules,
				 &fixture->problems)) {
			assert_int_equal(refused, 0);
			assert_int_equal(strlen(condition(fixture, CONDITION_COMM)->words.items[0]),
					 i);
			continue;
		}
		refused++;
		assert_int_equal(fixture->problems.items[0].line, 2);
		assert_non_null(strstr(fixture->problems.items[0].text, "the maximum is"));
	}
	assert_true(refused > 0);
}

/* Too many problems to keep, too many rules, and the largest allowed configuration. */
static void bounds_hold(void **state)
{
	struct fixture *fixture = *state;
	size_t size = 6000 * 16, length = 0, i;
	char *text = malloc(size);

	assert_non_null(text);
	for (i = 0; i < RULES_MAX; i++)
		length += (size_t)snprintf(text + length, size - length, "[rule r%zu]\n", i);
	text[length] = '\0';
	accept(fixture, text);
	assert_int_equal(fixture->rules->count, RULES_MAX);
	snprintf(text + length, size - length, "[rule one-more]\n[rule another]\n");
	refuse(fixture, text, RULES_MAX + 1, NULL, "too many rules");
	assert_int_equal(fixture->problems.errors, 1);
	memset(text, '\n', 5000);
	for (i = 0; i < 5000; i += 2)
		text[i] = 'x';
	text[5000] = '\0';
	refuse(fixture, text, 1, NULL, "invalid line");
	assert_int_equal(fixture->problems.errors, 2500);
	assert_int_equal(fixture->problems.count, PROBLEMS_KEPT_MAX);
	free(text);
}

/* ---- notes -------------------------------------------------------------------------- */

static void note(struct fixture *fixture, const char *text, unsigned int line, const char *because)
{
	accept(fixture, text);
	rules_note_unused(fixture->rules, &fixture->problems);
	if (fixture->problems.notes != (because ? 1 : 0) ||
	    (because && (fixture->problems.items[0].line != line ||
			 !strstr(fixture->problems.items[0].text, because)))) {
		say_problems(fixture);
		fail_msg("wanted line %u, \"%s\" for: %s", line, because ? because : "no note",
			 text);
	}
}

static void rules_hidden_by_an_earlier_one_are_noted(void **state)
{
	struct fixture *fixture = *state;

	note(fixture, "[rule a]\n[rule b]\ncomm = x\n", 2, "no matching key");
	note(fixture, "[rule a]\ncomm = a* c\n[rule b]\ncomm = c ab\nuser = 0\n", 3,
	     "never used: rule \"a\"");
	note(fixture, "[rule a]\ncomm = a*\n[rule b]\ncomm = c ab\n", 0, NULL);
	note(fixture, "[rule a]\ncomm = a?\n[rule b]\ncomm = a*\n", 0, NULL);
	note(fixture, "[rule a]\ncomm = a\nuser = 0\n[rule b]\ncomm = a\n", 0, NULL);
	note(fixture, "[rule a]\ncomm = *\n[rule b]\nuser = 0\n", 3, "never used");
	note(fixture, "[rule a]\nthread = all\n[rule b]\nuser = 0\n", 3, "never used");
	note(fixture, "[rule a]\nthread = m*\n[rule b]\nthread = main\n", 0, NULL);
	note(fixture, "[rule a]\nuser = 1 root\n[rule b]\nuser = 0\n", 3, "never used");
	note(fixture, "[rule a]\nuser = 1\n[rule b]\nuser = 0 1\n", 0, NULL);
	note(fixture, "[rule a]\nexe = py*\n[rule b]\nexe = /usr/bin/python3\n", 3, "never used");
	note(fixture, "[rule a]\nexe = /usr/*\n[rule b]\nexe = python3\n", 0, NULL);
	note(fixture, "[rule a]\ncgroup = u*.slice\n[rule b]\ncgroup = /user.slice/x\n", 3,
	     "never used");
	note(fixture, "[rule a]\ncmdline = *a.c\n[rule b]\ncmdline = *a.c\n", 3, "never used");
	note(fixture, "[rule a]\ncmdline = *a\n[rule b]\n", 0, NULL);
}

static void keys_without_effect_are_noted(void **state)
{
	struct fixture *fixture = *state;

	note(fixture, "[rule a]\naction = ignore\nsoft = 1s\n", 3, "action = ignore");
	note(fixture, "[rule a]\nhard = 0\nhard-signal = TERM\n", 3, "no hard stage");
	note(fixture, "[rule a]\nexec-timeout = 1s\n", 2, "runs no command");
	note(fixture, "[rule a]\nno-restart = a\n", 2, "restarts nothing");
	note(fixture, "[rule a]\nsoft-exec = /bin/x\nexec-timeout = 1s\n", 0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rule_is_the_defaults_and_its_own_keys),
		TEST(a_rule_has_a_breaker_unless_it_is_off),
		TEST(a_mode_changes_whether_a_rule_enforces),
		TEST(defaults_hold_for_rules_before_them),
		TEST(one_limit_derives_the_other),
		TEST(each_stage_has_its_actions),
		TEST(lists_quotes_comments_and_continued_lines_are_parsed),
		TEST(a_header_ends_a_continued_line),
		TEST(the_keys_of_the_daemon_are_parsed),
		TEST(malformed_lines_are_refused),
		TEST(refusals_name_the_accepted_form),
		TEST(cmdline_takes_no_regular_expression),
		TEST(contradictions_are_refused_once),
		TEST(every_fault_is_reported_in_order),
		TEST(a_long_line_is_refused_and_none_is_cut),
		TEST(bounds_hold),
		TEST(rules_hidden_by_an_earlier_one_are_noted),
		TEST(keys_without_effect_are_noted),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
