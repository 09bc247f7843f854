/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze.conf(5): the rules of a text; refusals with line, key and message; and files that
 * are accepted all together or not at all.
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/rules/explain.h"
#include "daemon/rules/keys.h"
#include "daemon/rules/rules.h"
#include "daemon/rules/unused.h"

/* Resources to release, also when a test fails. */
struct fixture {
	struct rules *rules;
	struct problems problems;
	char directory[64]; /* "" or a directory with test.conf and test.conf.d in it */
};

static const char *const file_names[] = { "test.conf",
					  "test.conf.d/10-a.conf",
					  "test.conf.d/9-b.conf",
					  "test.conf.d/.hidden.conf",
					  "test.conf.d/20-c.conf~",
					  "own.conf" };

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	problems_init(&fixture->problems);
	*state = fixture;
	return 0;
}

static void forget(struct fixture *fixture)
{
	rules_free(fixture->rules);
	fixture->rules = NULL;
	problems_done(&fixture->problems);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char path[256];
	size_t i;

	forget(fixture);
	for (i = 0; fixture->directory[0] && i < sizeof(file_names) / sizeof(file_names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", fixture->directory, file_names[i]);
		unlink(path);
	}
	if (fixture->directory[0]) {
		snprintf(path, sizeof(path), "%s/test.conf.d", fixture->directory);
		rmdir(path);
		rmdir(fixture->directory);
	}
	free(fixture);
	return 0;
}

static void say_problems(const struct fixture *fixture)
{
	problems_print(&fixture->problems, stderr);
}

static void accept(struct fixture *fixture, const char *text)
{
	forget(fixture);
	if (!rules_parse("t.conf", text, strlen(text), &fixture->rules, &fixture->problems))
		return;
	say_problems(fixture);
	fail_msg("refused: %s", text);
}

/* The first problem is as given; also line 0 and key NULL must match. */
static void refuse(struct fixture *fixture, const char *text, unsigned int line, const char *key,
		   const char *because)
{
	const struct problem *first;
	struct rules *untouched = (struct rules *)fixture, *rules = untouched;
	int err;

	forget(fixture);
	err = rules_parse("t.conf", text, strlen(text), &rules, &fixture->problems);
	if (!err)
		fixture->rules = rules;
	assert_int_equal(err, -EINVAL);
	assert_ptr_equal(rules, untouched);
	assert_true(fixture->problems.errors > 0);
	first = &fixture->problems.items[0];
	if (first->line != line || !strstr(first->text, because) ||
	    (key ? !first->key || strcmp(first->key, key) != 0 : first->key != NULL)) {
		say_problems(fixture);
		fail_msg("wanted line %u, %s, \"%s\" for: %s", line, key ? key : "no key", because,
			 text);
	}
	assert_string_equal(first->file, "t.conf");
}

static const struct condition *condition(const struct fixture *fixture, enum condition_id id)
{
	return &fixture->rules->rules[0].conditions[id];
}

static void a_rule_is_the_defaults_and_its_own_keys(void **state)
{
	struct fixture *fixture = *state;
	const struct rule_settings *settings;

	accept(fixture, "[defaults]\nsoft = 3s\nshadow = yes\nyield = count\nrepeat = 5/2min\n"
			"[rule a]\ncomm = x\nsoft = 1s\nhard-signal = TERM\n[rule b]\n");
	assert_int_equal(fixture->rules->count, 2);
	settings = &fixture->rules->rules[0].settings;
	assert_int_equal(settings->policy.soft_ns, MAZE_NSEC_PER_SEC);
	assert_int_equal(settings->policy.hard_ns, 20 * MAZE_NSEC_PER_SEC);
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

static void defaults_hold_for_rules_before_them(void **state)
{
	struct fixture *fixture = *state;

	accept(fixture, "[rule a]\n[defaults]\nsoft = 3s\n");
	assert_int_equal(fixture->rules->rules[0].settings.policy.soft_ns, 3 * MAZE_NSEC_PER_SEC);
}

static void each_stage_has_its_actions(void **state)
{
	struct fixture *fixture = *state;
	const struct stage_actions *soft, *hard;

	accept(fixture,
	       "[defaults]\nsoft-exec = /bin/a\nhard-renice = 3\n"
	       "[rule a]\nsoft-exec = /bin/b \"x y\" '' -z\nhard-renice =\nhard-idle = yes\n"
	       "soft-freeze = on\nsoft-renice = -20\nexec-timeout = 5s\n[rule b]\n");
	soft = &fixture->rules->rules[0].settings.stages[STAGE_SOFT];
	hard = &fixture->rules->rules[0].settings.stages[STAGE_HARD];
	assert_int_equal(soft->exec.count, 4);
	assert_string_equal(soft->exec.items[0], "/bin/b");
	assert_string_equal(soft->exec.items[1], "x y");
	assert_string_equal(soft->exec.items[2], "");
	assert_null(soft->exec.items[4]);
	assert_true(soft->renices && soft->renice == -20 && soft->freeze && !soft->idle);
	assert_true(!hard->renices && hard->idle && !hard->freeze && !hard->exec.count);
	assert_int_equal(fixture->rules->rules[0].settings.exec_timeout_ns, 5 * MAZE_NSEC_PER_SEC);
	soft = &fixture->rules->rules[1].settings.stages[STAGE_SOFT];
	assert_string_equal(soft->exec.items[0], "/bin/a");
	assert_int_equal(fixture->rules->rules[1].settings.stages[STAGE_HARD].renice, 3);
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

	refuse(fixture, "[rule a]\ncomm = a\nsoft = 30s\n", 3, "soft", "below the soft limit");
	refuse(fixture, "[rule a]\nsoft = 30s\nhard = 5s\n", 3, "hard", "below the soft limit");
	refuse(fixture, "[rule a]\n[defaults]\nhard = 5s\n[rule b]\n", 3, "hard", "below");
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

/* ---- files ------------------------------------------------------------------------ */

static void write_file(struct fixture *fixture, const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *file;

	if (!fixture->directory[0]) {
		snprintf(fixture->directory, sizeof(fixture->directory), "%s",
			 "/tmp/maze-test-rules-XXXXXX");
		assert_non_null(mkdtemp(fixture->directory));
		snprintf(path, sizeof(path), "%s/test.conf.d", fixture->directory);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int load(struct fixture *fixture)
{
	char path[256];

	forget(fixture);
	snprintf(path, sizeof(path), "%s/test.conf", fixture->directory);
	return rules_load(NULL, path, &fixture->rules, &fixture->problems);
}

static void drop_ins_come_in_order_and_replace_in_place(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture, file_names[0], "[defaults]\nsoft = 3s\n[rule a]\ncomm = a\n[rule b]\n",
		   0644);
	write_file(fixture, file_names[1], "[rule a]\nexe = x\n[rule c]\n", 0644);
	write_file(fixture, file_names[2], "[defaults]\nsoft = 4s\n[rule d]\n", 0644);
	write_file(fixture, file_names[3], "nonsense", 0644);
	write_file(fixture, file_names[4], "nonsense", 0644);
	if (load(fixture)) {
		say_problems(fixture);
		fail_msg("refused");
	}
	assert_int_equal(fixture->rules->file_count, 3);
	assert_int_equal(fixture->rules->count, 4);
	assert_string_equal(fixture->rules->rules[0].name, "a");
	assert_non_null(strstr(fixture->rules->rules[0].file, "10-a.conf"));
	assert_false(condition(fixture, CONDITION_COMM)->given);
	assert_true(condition(fixture, CONDITION_EXE)->given);
	assert_string_equal(fixture->rules->rules[1].name, "b");
	assert_string_equal(fixture->rules->rules[2].name, "c");
	assert_string_equal(fixture->rules->rules[3].name, "d");
	assert_int_equal(fixture->rules->rules[1].settings.policy.soft_ns, 4 * MAZE_NSEC_PER_SEC);
	assert_int_equal(fixture->problems.notes, 1);
	assert_non_null(strstr(fixture->problems.items[0].text, "takes its place"));
}

static void shipped_rules_come_after_those_of_the_administrator(void **state)
{
	struct fixture *fixture = *state;
	char path[256], shipped[256];

	/* Here test.conf.d has the shipped rules, and own.conf is missing at first. */
	write_file(fixture, file_names[1],
		   "[defaults]\nsoft = 3s\nhard = 9s\n[rule a]\ncomm = a\n[rule all]\n", 0644);
	snprintf(path, sizeof(path), "%s/own.conf", fixture->directory);
	snprintf(shipped, sizeof(shipped), "%s/test.conf.d", fixture->directory);
	forget(fixture);
	assert_int_equal(rules_load(shipped, path, &fixture->rules, &fixture->problems), 0);
	assert_int_equal(fixture->rules->count, 2);
	write_file(fixture, file_names[5],
		   "[rule all]\nuser = root\n[rule own]\n[defaults]\nsoft = 4s\n", 0644);
	forget(fixture);
	assert_int_equal(rules_load(shipped, path, &fixture->rules, &fixture->problems), 0);
	assert_int_equal(fixture->rules->count, 3);
	assert_string_equal(fixture->rules->rules[0].name, "own");
	assert_string_equal(fixture->rules->rules[1].name, "a");
	assert_string_equal(fixture->rules->rules[2].name, "all");
	assert_non_null(strstr(fixture->rules->rules[2].file, "own.conf"));
	assert_int_equal(fixture->rules->rules[1].settings.policy.soft_ns, 4 * MAZE_NSEC_PER_SEC);
	assert_int_equal(fixture->rules->rules[1].settings.policy.hard_ns, 9 * MAZE_NSEC_PER_SEC);
	/* "own" hides both others; the shipped one is not the administrator's mistake. */
	fixture->problems.notes = 0;
	rules_note_unused(fixture->rules, &fixture->problems);
	assert_int_equal(fixture->problems.notes, 1);
	/* Only with shipped rules the file may be missing. */
	snprintf(path, sizeof(path), "%s/missing.conf", fixture->directory);
	forget(fixture);
	assert_int_equal(rules_load(NULL, path, &fixture->rules, &fixture->problems), -EINVAL);
}

static void one_bad_file_refuses_all(void **state)
{
	struct fixture *fixture = *state;
	struct rules *untouched = (struct rules *)fixture;
	char path[256];

	write_file(fixture, file_names[0], "[rule a]\n", 0644);
	write_file(fixture, file_names[1], "[rule b]\ncomm = [\n", 0644);
	assert_int_equal(load(fixture), -EINVAL);
	assert_non_null(strstr(fixture->problems.items[0].file, "10-a.conf"));
	assert_int_equal(fixture->problems.items[0].line, 2);
	snprintf(path, sizeof(path), "%s/test.conf", fixture->directory);
	assert_int_equal(rules_load(NULL, path, &untouched, &fixture->problems), -EINVAL);
	assert_ptr_equal(untouched, fixture);
}

static void files_that_cannot_be_trusted_are_refused(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	/* A writer of files in the directory chooses the commands that run as root. */
	write_file(fixture, file_names[1], "[rule b]\n", 0644);
	snprintf(path, sizeof(path), "%s/test.conf.d", fixture->directory);
	assert_int_equal(chmod(path, 01777), 0);
	write_file(fixture, file_names[0], "[rule a]\n", 0644);
	assert_int_equal(load(fixture), -EINVAL);
	assert_non_null(strstr(fixture->problems.items[0].text, "all users may write"));
	assert_int_equal(chmod(path, 0755), 0);
	write_file(fixture, file_names[0], "[rule a]\n", 0646);
	assert_int_equal(load(fixture), -EINVAL);
	assert_non_null(strstr(fixture->problems.items[0].text, "all users may write"));
	snprintf(path, sizeof(path), "%s/test.conf", fixture->directory);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(load(fixture), -EINVAL);
	assert_non_null(strstr(fixture->problems.items[0].text, "cannot open"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load(fixture), -EINVAL);
	assert_non_null(strstr(fixture->problems.items[0].text, "not a regular file"));
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
	note(fixture, "[rule a]\nsoft-exec = /bin/x\nexec-timeout = 1s\n", 0, NULL);
}

static void the_check_prints_one_line_for_each_finding(void **state)
{
	struct fixture *fixture = *state;
	char path[256], *text = NULL;
	size_t size;
	FILE *out;

	write_file(fixture, file_names[0], "[rule a]\n[rule b]\nsoft = \x1b[1m\n", 0644);
	snprintf(path, sizeof(path), "%s/test.conf", fixture->directory);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(explain_check(out, NULL, path), -EINVAL);
	write_file(fixture, file_names[0], "[rule a]\n[rule b]\n", 0644);
	assert_int_equal(explain_check(out, NULL, path), 0);
	fclose(out);
	assert_non_null(strstr(text, "test.conf:3: soft: "));
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "refused: 1 error, 0 notes\n"));
	assert_non_null(strstr(text, "test.conf:2: note: rule \"b\" is never used"));
	assert_non_null(strstr(text, "accepted: 2 rules in 1 file, 1 note\n"));
	free(text);
}

/* ---- shipped files ---------------------------------------------------------------------- */

/* Without any file, the built-in copy of the shipped file is used. */
static void the_built_in_rules_enforce_nothing(void **state)
{
	struct fixture *fixture = *state;
	size_t i, watched = 0;
	char path[256];

	/* Here test.conf is missing, and has a drop-in. */
	write_file(fixture, file_names[1], "[rule own]\ncomm = x\n", 0644);
	snprintf(path, sizeof(path), "%s/test.conf", fixture->directory);
	if (rules_load("/missing", path, &fixture->rules, &fixture->problems)) {
		say_problems(fixture);
		fail_msg("refused");
	}
	assert_string_equal(fixture->rules->rules[0].name, "own");
	assert_false(fixture->rules->rules[0].shipped);
	assert_true(fixture->rules->rules[1].shipped);
	assert_string_equal(fixture->rules->rules[1].file, "built-in");
	rules_note_unused(fixture->rules, &fixture->problems);
	say_problems(fixture);
	assert_int_equal(fixture->problems.notes, 1);
	assert_string_equal(fixture->problems.items[0].file, path);
	assert_non_null(strstr(fixture->problems.items[0].text, "built-in rules"));
	for (i = 0; i < fixture->rules->count; i++) {
		if (fixture->rules->rules[i].ignore)
			continue;
		watched++;
		assert_true(fixture->rules->rules[i].settings.policy.flags & MAZE_POLICY_SHADOW);
	}
	assert_true(watched >= 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rule_is_the_defaults_and_its_own_keys),
		TEST(defaults_hold_for_rules_before_them),
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
		TEST(drop_ins_come_in_order_and_replace_in_place),
		TEST(shipped_rules_come_after_those_of_the_administrator),
		TEST(one_bad_file_refuses_all),
		TEST(files_that_cannot_be_trusted_are_refused),
		TEST(rules_hidden_by_an_earlier_one_are_noted),
		TEST(keys_without_effect_are_noted),
		TEST(the_check_prints_one_line_for_each_finding),
		TEST(the_built_in_rules_enforce_nothing),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
