/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maze.conf(5): files that are accepted all together or not at all, shipped files, the
 * built-in rules, and the output of --check.
 */
#include "rules_case.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(drop_ins_come_in_order_and_replace_in_place),
		TEST(shipped_rules_come_after_those_of_the_administrator),
		TEST(one_bad_file_refuses_all),
		TEST(files_that_cannot_be_trusted_are_refused),
		TEST(the_check_prints_one_line_for_each_finding),
		TEST(the_built_in_rules_enforce_nothing),
	};

	return cmocka_run_group_tests_name("rules_files", tests, NULL, NULL);
}
